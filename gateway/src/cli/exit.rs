//! How a command ends: the words for people and the number for scripts (sysexits.h).

use std::process::ExitCode;

/// End of a command.
#[derive(Debug)]
pub enum Exit {
    /// All well.
    Done,
    /// A configuration that does not validate; the problems have been printed.
    Config,
    /// The configuration is valid but the gateway cannot start with it, or a command cannot do its work: the words say
    /// why and what to do.
    Start {
        /// `EX_TEMPFAIL` 75 or `EX_CONFIG` 78; of the commands on a store also 65, 66 and 74.
        code: u8,
        /// What happened and what to do next.
        message: String,
    },
    /// A command that has said what it found: the number sums it up.
    Found(u8),
    /// A defect of the gateway, logged where it happened.
    Defect(String),
}

impl Exit {
    /// Prints what there is to say and gives the number.
    #[expect(clippy::print_stderr, reason = "the last words of a command")]
    pub fn report(self) -> ExitCode {
        match self {
            Self::Done => ExitCode::SUCCESS,
            Self::Config => ExitCode::from(78),
            Self::Found(code) => ExitCode::from(code),
            Self::Start { code, message } => {
                eprintln!("error: {message}");
                ExitCode::from(code)
            }
            Self::Defect(message) => {
                eprintln!("error: {message}");
                ExitCode::from(70)
            }
        }
    }
}
