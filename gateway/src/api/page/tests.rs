#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::health;
use crate::status::sample;

#[test]
fn the_page_is_small_and_asks_nobody_else() {
    let files = [PAGE, SCRIPT, CHART, STYLE];
    assert!(files.iter().map(|file| file.len()).sum::<usize>() < 52 * 1024);
    for file in files {
        for outside in ["http:", "https:", "//cdn", "url(", "@import", "data:", "integrity="] {
            assert!(!file.contains(outside), "{outside}");
        }
    }
}

#[test]
fn the_script_never_takes_data_for_markup() {
    for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"] {
        assert!(!SCRIPT.contains(way) && !CHART.contains(way), "{way}");
    }
    // The security policy forbids both.
    assert!(!PAGE.contains("style=") && !PAGE.contains("onclick"));
    assert_eq!(PAGE.matches("<script").count(), PAGE.matches("<script src=").count());
}

#[test]
fn every_id_the_script_asks_for_is_on_the_page() {
    let ids: Vec<&str> = ["$('", "say('", "fill('"]
        .iter()
        .flat_map(|call| [SCRIPT, CHART].map(|script| (call, script)))
        .flat_map(|(call, script)| script.match_indices(call).map(|(at, _)| script[at + call.len()..].split('\'').next().unwrap()))
        .collect();
    assert!(ids.len() > 20, "{ids:?}");
    for id in ids {
        assert!(PAGE.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn without_scripts_there_is_a_summary_with_everything_escaped() {
    let html = render(&sample::busy(), None);
    let summary = html.split("<noscript>").nth(1).unwrap().split("</noscript>").next().unwrap();
    for words in
        ["Needs attention: 5.", "GW-H012", "冷冻柜超温", "军门社区 &lt;信包箱&gt; 1 号", "gl-junmen-lk-02", "silent", "readings  received"]
    {
        assert!(summary.contains(words), "{words} in {summary}");
    }
    assert!(!summary.contains("<信包箱>"));
    assert!(render(&sample::well(), None).contains("All well."));
    assert!(render(&sample::well(), health::stalled(60_000).as_ref()).contains("GW-H002"));
    assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
}

#[test]
fn the_script_knows_every_kind_and_state_of_a_card_in_both_languages() {
    for word in ["sd", "emmc", "disk", "virtual", "normal", "warning", "urgent"] {
        assert!(SCRIPT.matches(&format!("{word}: '")).count() >= 2, "{word}");
    }
}

#[test]
fn the_chart_is_imported_and_says_everything_in_both_languages() {
    assert!(SCRIPT.contains("from './chart.js'") && PAGE.contains("<script src=\"app.js\" type=\"module\">"));
    let words = CHART.split("const WORDS = {").nth(1).unwrap().split("\n};").next().unwrap();
    let keys = |language: &str| -> Vec<String> {
        let text = words.split(&format!("  {language}: {{")).nth(1).unwrap().split("\n  },").next().unwrap();
        // A word begins a line or follows a comma, and a colon follows it.
        let first = |part: &str| part.trim().split(':').next().unwrap().to_owned();
        text.split(['\n', ',']).map(first).filter(|key| !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase())).collect()
    };
    assert!(keys("en").len() > 12, "{:?}", keys("en"));
    assert_eq!(keys("en"), keys("zh"));
}

#[test]
fn the_script_knows_every_quality_in_both_languages() {
    for quality in ["sensor_error", "comm_error", "out_of_range", "stale", "uncertain"] {
        assert_eq!(SCRIPT.matches(&format!("{quality}: '")).count(), 2, "{quality}");
    }
}
