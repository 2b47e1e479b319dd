//! The page in the repository is the one that the table makes.

#[test]
#[expect(clippy::unwrap_used, reason = "a test")]
fn the_page_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/SERIES.md");
    let made = super::page();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == made, "config/SERIES.md is out of date: run the tests with UPDATE_GOLDEN=1");
}
