//! What a technician wants to know about a line: who is on it, what is wrong with its wires, where a value lies. Pure:
//! the commands ask the questions and bring the answers here.

mod fingerprint;
mod guess;
mod registers;
mod split;
mod wiring;

pub use fingerprint::{Model, Next, Said, next};
pub use guess::{GUESSES_MAX, Guess, Shown, guess};
pub use registers::{Known, Registers};
pub use split::{Splitter, is_frame};
pub use wiring::{Heard, Trouble, diagnose};
