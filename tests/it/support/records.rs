//! What the audit log says of an answer.

use serde_json::{Value, json};

use super::{Answer, TestServer};

impl TestServer {
    /// The audit records of the request that `answer` is to, in the order in which things happened.
    pub fn records_of(&self, answer: &Answer) -> Vec<Value> {
        let id = answer.header("x-request-id").expect("a request id");
        let mut records = self.database.audit_records();
        records.retain(|record| record["request_id"] == id);
        records
    }

    /// The one audit record of the request that `answer` is to.
    pub fn record_of(&self, answer: &Answer) -> Value {
        let mut records = self.records_of(answer);
        assert_eq!(records.len(), 1, "each decision has one record: {records:?}");
        records.remove(0)
    }

    /// Checks a refusal with status 400, and that its record says the same and names no token. Gives the record.
    #[track_caller]
    pub fn assert_refused(&self, answer: &Answer, error: &str, error_code: &str) -> Value {
        answer.assert_refused(400, error, error_code);
        let record = self.record_of(answer);
        assert_eq!(
            (&record["event"], &record["outcome"], &record["reason"]),
            (&json!("token.refused"), &json!("refused"), &json!(error_code)),
            "{record}"
        );
        for given in ["jti", "scope_granted", "scope_widened"] {
            assert!(record.get(given).is_none(), "{record}");
        }
        record
    }

    /// The same for a refused subject token; `detail` is what the operator reads.
    #[track_caller]
    pub fn assert_subject_refused(&self, answer: &Answer, detail: &str) -> Value {
        let record = self.assert_refused(answer, "invalid_request", "subject_token_refused");
        assert_eq!(record["detail"], detail, "{record}");
        record
    }

    /// Asks until the subject token is refused for this reason. Where a change reaches a node by two feeds, as a revoked key
    /// does (its revocation and the snapshot without it), another good reason may come first.
    #[track_caller]
    pub fn eventually_subject_refused(&self, detail: &str, ask: impl Fn() -> Answer) {
        self.eventually(detail, || {
            let answer = ask();
            answer.status == 400 && self.record_of(&answer)["detail"] == detail
        });
        self.assert_subject_refused(&ask(), detail);
    }

    /// The same for a refused actor token.
    #[track_caller]
    pub fn assert_actor_refused(&self, answer: &Answer, detail: &str) -> Value {
        let record = self.assert_refused(answer, "invalid_request", "actor_token_refused");
        assert_eq!(record["detail"], detail, "{record}");
        record
    }
}
