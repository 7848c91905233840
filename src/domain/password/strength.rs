//! How good a password is, by the rules of an application.

use zxcvbn::{Entropy, Score, matching::patterns::MatchPattern, zxcvbn};

use super::Password;

/// The highest level of complexity.
pub const MAX_LEVEL: u8 = 5;
/// The shortest identifier that may not stand in a password, in characters: shorter ones stand in any by chance.
const SHORTEST_IDENTIFIER: usize = 4;

/// What an application asks of passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StrengthRules {
    /// The shortest, in characters.
    pub min_length: usize,
    /// From 1 to [`MAX_LEVEL`]: see [`Level`].
    pub level: u8,
    /// Whether one word with some ornaments is refused, whatever the level says.
    pub dictionary: bool,
}

/// What a level means.
struct Level {
    /// The estimate of zxcvbn, from 0 (guessed at once) to 4 (more than 10^10 guesses).
    score: Score,
    /// How many kinds of characters there must be: lower case, upper case, digits, and all others.
    kinds: usize,
}

impl Level {
    fn of(level: u8) -> Self {
        let (score, kinds) = match level {
            0 | 1 => (Score::Zero, 1),
            2 => (Score::Two, 1),
            3 => (Score::Three, 2),
            4 => (Score::Three, 3),
            _ => (Score::Four, 4),
        };
        Self { score, kinds }
    }
}

/// Why a password is too weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    /// It has fewer characters than the application wants.
    TooShort,
    /// It has too few kinds of characters.
    TooFewKinds,
    /// It would be guessed too soon.
    Guessable,
    /// It is little more than a word, a name or a password that many use.
    DictionaryWord,
    /// It is little more than something that the user is known by.
    Identifier,
}

impl Weakness {
    /// Its name on the wire.
    pub const fn code(self) -> &'static str {
        match self {
            Weakness::TooShort => "password_too_short",
            Weakness::TooFewKinds => "password_too_few_kinds_of_characters",
            Weakness::Guessable => "password_too_easy_to_guess",
            Weakness::DictionaryWord => "password_in_dictionary",
            Weakness::Identifier => "password_contains_identifier",
        }
    }

    /// What is to be done, for people.
    pub fn message(self, rules: &StrengthRules) -> String {
        match self {
            Weakness::TooShort => format!("Use {} characters or more", rules.min_length),
            Weakness::TooFewKinds => format!(
                "Use characters of {} of these kinds: lower case, upper case, digits, others",
                Level::of(rules.level).kinds
            ),
            Weakness::Guessable => "The password is too easy to guess: use more words, and less common ones".to_owned(),
            Weakness::DictionaryWord => "The password is a common word or password: use more than one word".to_owned(),
            Weakness::Identifier => "The password must not be your name, address or number".to_owned(),
        }
    }
}

/// All that is wrong with a password, for a user who is known by `identifiers`. Takes milliseconds for long ones: not on a thread
/// that answers requests.
pub fn weaknesses(password: &Password, rules: &StrengthRules, identifiers: &[String]) -> Vec<Weakness> {
    let (text, level) = (password.text(), Level::of(rules.level));
    let names = names(identifiers);
    let inputs: Vec<&str> = names.iter().map(String::as_str).collect();
    let estimate = zxcvbn(text, &inputs);
    let length = text.chars().count();
    let found = [
        (length < rules.min_length, Weakness::TooShort),
        (kinds(text) < level.kinds, Weakness::TooFewKinds),
        (estimate.score() < level.score, Weakness::Guessable),
        (rules.dictionary && is_one_word(&estimate, length), Weakness::DictionaryWord),
        (names.iter().any(|name| is_mostly(text, name)), Weakness::Identifier),
    ];
    found.into_iter().filter_map(|(is_so, weakness)| is_so.then_some(weakness)).collect()
}

/// Identifiers, and of e-mail addresses what is before the `@` too.
fn names(identifiers: &[String]) -> Vec<String> {
    let local = |one: &String| one.split_once('@').map(|(local, _)| local.to_lowercase());
    identifiers.iter().flat_map(|one| [Some(one.to_lowercase()), local(one)]).flatten().collect()
}

fn kinds(text: &str) -> usize {
    let kinds: [fn(char) -> bool; 4] = [char::is_lowercase, char::is_uppercase, char::is_numeric, |c| {
        !c.is_lowercase() && !c.is_uppercase() && !c.is_numeric()
    }];
    kinds.into_iter().filter(|is_kind| text.chars().any(is_kind)).count()
}

/// Whether one word of a list, also written backwards or with digits for letters, makes up half of the password or more, and there
/// is no second one. `Tr0ub4dor!` is one; several words in a row are not.
fn is_one_word(estimate: &Entropy, length: usize) -> bool {
    let words = estimate.sequence().iter().filter(|part| matches!(part.pattern, MatchPattern::Dictionary(_)));
    let lengths: Vec<usize> = words.map(|word| word.token.chars().count()).collect();
    matches!(lengths.as_slice(), [only] if 2 * only >= length)
}

fn is_mostly(text: &str, name: &str) -> bool {
    let name_length = name.chars().count();
    name_length >= SHORTEST_IDENTIFIER && 2 * name_length >= text.chars().count() && text.to_lowercase().contains(name)
}
