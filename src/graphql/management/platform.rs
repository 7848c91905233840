//! The platform of an application.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};

/// What an application runs on: a label for people, such as `WEB`, `IOS` or `ANDROID`. It may be written as an enum value or
/// as a string.
pub(super) struct ApplicationPlatform(pub String);

#[Scalar]
impl ScalarType for ApplicationPlatform {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::Enum(name) => Ok(Self(name.to_string())),
            Value::String(text) => Ok(Self(text)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::Enum(_) | Value::String(_))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}
