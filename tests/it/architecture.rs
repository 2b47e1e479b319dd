//! The invariants of ARCHITECTURE.md that can be read off the sources.

use facility_tests::root;
use std::fs;
use std::path::{Path, PathBuf};

/// A source file: path from the root, and its text.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for package in ["config/src", "drivers/src", "gateway/src", "tests/src", "tests/it"] {
        walk(&root().join(package), &mut found);
    }
    assert!(found.len() > 40, "the walk found only {} files", found.len());
    found
}

fn walk(dir: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: path.strip_prefix(root()).unwrap().display().to_string(), text });
        }
    }
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("tests.rs")
            || self.path.contains("/tests/")
            || self.path.ends_with("store/memory.rs")
    }

    fn is_under(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path.starts_with(place))
    }

    /// Lines of code that hold one of the words, comments left out.
    fn lines_with(&self, words: &[&str]) -> Vec<String> {
        let code = self.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        code.filter(|(_, line)| words.iter().any(|word| line.contains(word)))
            .map(|(at, line)| format!("{}:{}: {}", self.path, at + 1, line.trim()))
            .collect()
    }
}

/// Every rule: where it holds, where it does not, what may not stand there, and why.
struct Rule {
    why: &'static str,
    holds_in: &'static [&'static str],
    except_in: &'static [&'static str],
    tests_too: bool,
    forbidden: &'static [&'static str],
}

const PURE: &[&str] = &[
    "drivers/src/backoff.rs",
    "drivers/src/decode/",
    "drivers/src/plan",
    "drivers/src/scan/",
    "drivers/src/session.rs",
    "drivers/src/sim/fleet",
    "drivers/src/sim/story.rs",
    "drivers/src/sim/workload.rs",
    "drivers/src/tls.rs",
    "gateway/src/admit.rs",
    "gateway/src/aggregate/",
    "gateway/src/alarm/",
    "gateway/src/archive/sheet.rs",
    "gateway/src/cli/explain/chain.rs",
    "gateway/src/cli/explain/deliver.rs",
    "gateway/src/cli/explain/hop.rs",
    "gateway/src/cli/simulate/figures.rs",
    "gateway/src/cli/coldchain/day.rs",
    "gateway/src/cli/coldchain/page.rs",
    "gateway/src/cli/coldchain/sheet.rs",
    "gateway/src/cli/coldchain/svg.rs",
    "gateway/src/coldchain/fold.rs",
    "gateway/src/coldchain/hour.rs",
    "gateway/src/coldchain/record.rs",
    "gateway/src/completeness/",
    "gateway/src/forward/budget.rs",
    "gateway/src/forward/line.rs",
    "gateway/src/forward/live.rs",
    "gateway/src/forward/message.rs",
    "gateway/src/forward/outcome.rs",
    "gateway/src/forward/phase.rs",
    "gateway/src/forward/precedence.rs",
    "gateway/src/forward/shown.rs",
    "gateway/src/health.rs",
    "gateway/src/latest.rs",
    "gateway/src/ledger.rs",
    "gateway/src/operator/wish.rs",
    "gateway/src/wear/meter.rs",
];

const RULES: &[Rule] = &[
    Rule {
        why: "crates form a line: config knows nobody",
        holds_in: &["config/src/"],
        except_in: &[],
        tests_too: true,
        forbidden: &["facility_drivers", "facility_gateway", "tokio::", "std::net::Tcp", "SystemTime"],
    },
    Rule {
        why: "only load.rs and secret.rs read files of the configuration",
        holds_in: &["config/src/"],
        except_in: &["config/src/load", "config/src/secret"],
        tests_too: false,
        forbidden: &["std::fs", "fs::read", "File::open"],
    },
    Rule {
        why: "crates form a line: drivers know the configuration only",
        holds_in: &["drivers/src/"],
        except_in: &[],
        tests_too: true,
        forbidden: &["facility_gateway"],
    },
    Rule {
        why: "pure modules take the time as an argument and do no I/O",
        holds_in: PURE,
        except_in: &[],
        tests_too: false,
        forbidden: &[
            "tokio::",
            "async fn",
            ".await",
            "std::fs",
            "std::net::",
            "Instant::now",
            "SystemTime::now",
            "std::thread",
            "reqwest::",
            "rumqttc::",
        ],
    },
    Rule {
        why: "one place reads the clock",
        holds_in: &["drivers/src/", "gateway/src/", "config/src/"],
        except_in: &["drivers/src/clock.rs"],
        tests_too: false,
        forbidden: &["SystemTime::now", "Timestamp::now", "Zoned::now"],
    },
    Rule {
        why: "every queue is bounded",
        holds_in: &["drivers/src/", "gateway/src/"],
        except_in: &[],
        tests_too: true,
        forbidden: &["unbounded_channel", "flume::unbounded", "mpsc::unbounded", "std::sync::mpsc::channel()"],
    },
    Rule {
        why: "read-only toward devices: no Modbus write, no unlock command",
        holds_in: &["drivers/src/", "gateway/src/"],
        except_in: &["drivers/src/sim/"],
        tests_too: false,
        forbidden: &[
            "WriteSingle",
            "WriteMultiple",
            "MaskWrite",
            "ReadWriteMultiple",
            "write_single",
            "write_multiple",
            "unlock_",
            "unlock(",
        ],
    },
    Rule {
        why: "nothing is published to a broker of devices: one place publishes, to platforms",
        holds_in: &["drivers/src/", "gateway/src/"],
        except_in: &["drivers/src/mqtt/uplink.rs", "drivers/src/mqtt/line.rs", "drivers/src/mqtt/permission.rs", "drivers/src/sim/"],
        tests_too: false,
        forbidden: &["Request::Publish", "AsyncClient", ".numbered("],
    },
    Rule {
        why: "the real parts never depend on the simulated neighbourhood",
        holds_in: &["drivers/src/", "gateway/src/"],
        except_in: &[
            "drivers/src/sim/",
            "drivers/src/lib.rs",
            "gateway/src/cli/demo",
            "gateway/src/cli/simulate",
            "gateway/src/cli/modbus/serve.rs",
            "gateway/src/cli/modbus/replay.rs",
        ],
        tests_too: false,
        forbidden: &["sim::"],
    },
    Rule {
        why: "the store, the metrics and the forwarder do not know each other's insides",
        holds_in: &["gateway/src/store/"],
        except_in: &[],
        tests_too: false,
        forbidden: &["crate::forward", "crate::aggregate", "crate::api", "crate::pipeline", "crate::app"],
    },
    Rule {
        why: "the forwarder knows the store only",
        holds_in: &["gateway/src/forward/"],
        except_in: &[],
        tests_too: false,
        forbidden: &["crate::aggregate", "crate::alarm", "crate::api", "crate::pipeline", "crate::app"],
    },
    Rule {
        why: "the suite looks from outside; only the measurements of store and forwarder hold a part of it in their hands",
        holds_in: &["tests/"],
        except_in: &["tests/src/bin/bench_forward/", "tests/src/bin/bench_store/", "tests/it/architecture.rs"],
        tests_too: true,
        forbidden: &["facility_gateway"],
    },
    Rule {
        why: "no switch turns certificate verification off",
        holds_in: &["drivers/src/", "gateway/src/", "config/src/"],
        except_in: &[],
        tests_too: true,
        forbidden: &["danger_accept_invalid", "dangerous()", "insecure"],
    },
];

#[test]
fn the_sources_keep_the_invariants() {
    let sources = sources();
    let mut broken = Vec::new();
    for rule in RULES {
        let in_scope: Vec<&Source> = sources
            .iter()
            .filter(|s| s.is_under(rule.holds_in) && !s.is_under(rule.except_in) && (rule.tests_too || !s.is_test()))
            .collect();
        assert!(!in_scope.is_empty(), "rule without a file to hold for: {}", rule.why);
        for source in in_scope {
            broken.extend(source.lines_with(rule.forbidden).into_iter().map(|line| format!("{}\n    {line}", rule.why)));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let silent: Vec<String> = sources().into_iter().filter(|s| !s.is_test() && !s.text.starts_with("//!")).map(|s| s.path).collect();
    assert!(silent.is_empty(), "no //! at the head of {silent:?}");
}

#[test]
fn the_top_level_holds_what_the_user_named() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "gateway",
        "drivers",
        "config",
        "deploy",
        "tests",
        "target",
        "README.md",
        "README.zh-CN.md",
        "ARCHITECTURE.md",
        "SECURITY.md",
        "LICENSE",
    ];
    let others: Vec<String> = fs::read_dir(root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.') && !allowed.contains(&name.as_str()))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn architecture_stays_short() {
    let lines = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap().lines().count();
    assert!(lines <= 150, "{lines} lines");
}
