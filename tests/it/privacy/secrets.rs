//! What must not be found again, and the search for it.

use serde_json::Value;
use std::collections::BTreeSet;

/// Numbers of people and parcels: two telephones, a pick-up code, a waybill, an identity card, a bank card, an order. The
/// first three stand in a public locker protocol (DOMAIN §0).
pub(super) const SECRETS: [&str; 7] =
    ["13900000000", "13812345678", "286633", "SF7351628940517", "350102199003078893", "6222021234567890123", "20260901735162894"];

/// What gives somebody away without six digits in a row: names, an address, numbers that are masked or written apart.
const TEXTS: [&str; 5] = ["王小明", "张三", "3栋2单元502", "138****8000", "138,0013,8000"];

/// Digits in a row that give somebody away.
const RUN: usize = 6;

/// Finds runs of the secrets' digits.
pub(super) struct Search {
    runs: BTreeSet<Vec<u8>>,
    /// The numbers among them as a file may hold them.
    binary: Vec<(String, Vec<u8>)>,
    now_ms: i64,
}

impl Search {
    pub(super) fn new(now_ms: i64) -> Self {
        let mut runs = BTreeSet::new();
        let mut binary = Vec::new();
        for secret in SECRETS {
            let digits: Vec<u8> = secret.bytes().filter(u8::is_ascii_digit).collect();
            // Round numbers are everywhere.
            runs.extend(digits.windows(RUN).filter(|run| !run.ends_with(b"0000")).map(<[u8]>::to_vec));
            if let Ok(number) = secret.parse::<u64>() {
                let forms = [number.to_le_bytes(), number.to_be_bytes(), (number as f64).to_le_bytes(), (number as f64).to_be_bytes()];
                binary.extend(forms.map(|form| (secret.to_owned(), form.to_vec())));
                // A shorter integer, as columns hold them; of less than five bytes it could be anything.
                let short: Vec<u8> = number.to_le_bytes().into_iter().rev().skip_while(|byte| *byte == 0).collect();
                if short.len() >= 5 {
                    binary.push((secret.to_owned(), short.iter().rev().copied().collect()));
                    binary.push((secret.to_owned(), short));
                }
            }
        }
        Self { runs, binary, now_ms }
    }

    /// What is found in a file of any kind.
    pub(super) fn bytes(&self, bytes: &[u8]) -> Vec<String> {
        let mut found = self.text(&String::from_utf8_lossy(bytes));
        let has = |form: &[u8]| bytes.windows(form.len()).any(|window| window == form);
        found.extend(self.binary.iter().filter(|(_, form)| has(form)).map(|(secret, _)| format!("{secret} as a number")));
        found
    }

    /// What is found in a text. Times of these days are no secrets.
    pub(super) fn text(&self, text: &str) -> Vec<String> {
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| digits.len() >= RUN && !self.is_time(digits));
        let hits = numbers.filter(|digits| digits.as_bytes().windows(RUN).any(|run| self.runs.contains(run)));
        let texts = TEXTS.into_iter().filter(|secret| text.contains(secret));
        hits.chain(texts).map(str::to_owned).collect()
    }

    fn is_time(&self, digits: &str) -> bool {
        let month_ms = 30 * 86_400_000;
        let is_near = |ms: i64| ms.saturating_sub(self.now_ms).saturating_abs() < month_ms;
        digits.parse::<i64>().is_ok_and(|number| is_near(number) || is_near(number.saturating_mul(1000)))
    }

    /// What is found in a log, whose lines begin with a time.
    pub(super) fn log(&self, text: &str) -> Vec<String> {
        text.lines().flat_map(|line| self.text(line.split_once(' ').map_or("", |(_, rest)| rest))).collect()
    }

    /// What is found in JSON, sizes and times apart.
    pub(super) fn json(&self, value: &Value) -> Vec<String> {
        match value {
            Value::Array(list) => list.iter().flat_map(|value| self.json(value)).collect(),
            Value::Object(members) => {
                let is_figure = |name: &str, value: &Value| value.is_number() && (name.ends_with("_ms") || name.contains("bytes"));
                let of_values = members.iter().filter(|(name, value)| !is_figure(name, value)).flat_map(|(_, value)| self.json(value));
                of_values.chain(members.keys().flat_map(|name| self.text(name))).collect()
            }
            other => self.text(&other.to_string()),
        }
    }
}

#[test]
fn the_search_finds_what_it_is_for_and_nothing_else() {
    let search = Search::new(1_790_000_000_000);
    let cases = [
        ("51#8888#13900000000#4055#0#", true),
        ("xx390000000yy", false),
        ("phone=138123", true),
        ("phone=13812", false),
        ("a735162b", true),
        ("at 1790000000123", false),
        ("350102", true),
        ("id 350102199003078893", true),
        ("target=王小明", true),
        ("3栋2单元502b", true),
        ("138****", false),
    ];
    for (text, is_found) in cases {
        assert_eq!(!search.text(text).is_empty(), is_found, "{text}");
    }
    assert!(!search.bytes(&[&b"\0\0"[..], &13_812_345_678_u64.to_be_bytes()[3..], b"\xff"].concat()).is_empty());
    assert!(!search.bytes(&286_633_u64.to_le_bytes()).is_empty());
    assert!(!search.bytes(&13_812_345_678_f64.to_le_bytes()).is_empty());
    assert!(!search.json(&serde_json::json!({"a": [{"13812345678": 1}]})).is_empty());
    assert!(search.json(&serde_json::json!({"used_bytes": 13_812_345_678_u64})).is_empty());
}
