#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use super::*;
use crate::health;
use crate::status::sample;

#[test]
fn the_page_is_small_and_asks_nobody_else() {
    let files = [PAGE, SCRIPT, STYLE];
    assert!(files.iter().map(|file| file.len()).sum::<usize>() < 40 * 1024);
    for file in files {
        for outside in ["http:", "https:", "//cdn", "url(", "@import", "data:", "integrity="] {
            assert!(!file.contains(outside), "{outside}");
        }
    }
}

#[test]
fn the_script_never_takes_data_for_markup() {
    for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "DOMParser"] {
        assert!(!SCRIPT.contains(way), "{way}");
    }
    // The security policy forbids both.
    assert!(!PAGE.contains("style=") && !PAGE.contains("onclick"));
    assert_eq!(PAGE.matches("<script").count(), PAGE.matches("<script src=").count());
}

#[test]
fn every_id_the_script_asks_for_is_on_the_page() {
    let ids: Vec<&str> = ["$('", "say('", "fill('"]
        .iter()
        .flat_map(|call| SCRIPT.match_indices(call).map(|(at, _)| SCRIPT[at + call.len()..].split('\'').next().unwrap()))
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
        ["Needs attention: 4.", "GW-H012", "冷冻柜超温", "军门社区 &lt;信包箱&gt; 1 号", "gl-junmen-lk-02", "silent", "readings  received"]
    {
        assert!(summary.contains(words), "{words} in {summary}");
    }
    assert!(!summary.contains("<信包箱>"));
    assert!(render(&sample::well(), None).contains("All well."));
    assert!(render(&sample::well(), health::stalled(60_000).as_ref()).contains("GW-H002"));
    assert_eq!(escaped("<a href='x'>\"&"), "&lt;a href=&#39;x&#39;&gt;&quot;&amp;");
}

#[test]
fn the_script_knows_every_quality_in_both_languages() {
    for quality in ["sensor_error", "comm_error", "out_of_range", "stale", "uncertain"] {
        assert_eq!(SCRIPT.matches(&format!("{quality}: '")).count(), 2, "{quality}");
    }
}
