//! One hop on the way of a device's data, how it stands, and the words for it. Pure.

use crate::cli::store::words::plain;
use crate::health::Code;
use serde::Serialize;
use std::fmt::Write as _;

/// The hops, in the order data takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// Does a gateway run and answer?
    Gateway,
    /// Is it in the configuration?
    Declared,
    /// Is its broker or bus connected?
    Link,
    /// Does it speak?
    Heard,
    /// Are its messages taken?
    Messages,
    /// Do its points have values?
    Values,
    /// Are they written to flash?
    Stored,
    /// Do they become figures?
    Windows,
    /// Do the figures reach the database?
    Forwarded,
    /// Is something kept quiet on purpose?
    Suppressed,
}

/// How a hop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// Well.
    Ok,
    /// Data may be missing because of it.
    Suspect,
    /// Nothing passes here.
    Failed,
    /// Cannot be told.
    Unknown,
}

/// English and Chinese.
pub(super) type Words = (String, String);

/// One hop.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Hop {
    pub(super) step: Step,
    pub(super) verdict: Verdict,
    /// What is known, with figures and times.
    pub(super) en: String,
    /// The same in Chinese.
    pub(super) zh: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_en: Option<String>,
    /// The same in Chinese.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_zh: Option<String>,
}

impl Hop {
    pub(super) fn new(step: Step, verdict: Verdict, (en, zh): Words) -> Self {
        Self { step, verdict, en, zh, next_en: None, next_zh: None }
    }

    /// With what to do.
    pub(super) fn next(self, (en, zh): Words) -> Self {
        Self { next_en: Some(en), next_zh: Some(zh), ..self }
    }

    /// With what the catalogue of conditions says is to be done.
    pub(super) fn hint(self, code: Code) -> Self {
        let (en, zh) = code.hint();
        self.next(both(en, zh))
    }
}

/// Words that need no figures.
pub(super) fn both(en: &str, zh: &str) -> Words {
    (en.to_owned(), zh.to_owned())
}

impl Step {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Gateway => ("gateway", "网关"),
            Self::Declared => ("declared", "登记"),
            Self::Link => ("link", "链路"),
            Self::Heard => ("heard", "通信"),
            Self::Messages => ("messages", "报文"),
            Self::Values => ("values", "数值"),
            Self::Stored => ("stored", "存储"),
            Self::Windows => ("figures", "指标"),
            Self::Forwarded => ("forwarded", "转发"),
            Self::Suppressed => ("suppressed", "抑制"),
        }
    }
}

impl Verdict {
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Ok => ("ok", "正常"),
            Self::Suspect => ("SUSPECT", "可疑"),
            Self::Failed => ("FAILED", "故障"),
            Self::Unknown => ("unknown", "未知"),
        }
    }
}

/// The first hop that lets nothing pass.
pub(super) fn first_failed(hops: &[Hop]) -> Option<&Hop> {
    hops.iter().find(|hop| hop.verdict == Verdict::Failed)
}

/// One sentence for all of them.
pub(super) fn verdict(hops: &[Hop], device: &str) -> Words {
    if let Some(hop) = first_failed(hops) {
        let (en, zh) = hop.step.words();
        return (format!("The first hop that failed is `{en}`: {}", hop.en), format!("首个故障环节是“{zh}”：{}", hop.zh));
    }
    if let Some(hop) = hops.iter().find(|hop| hop.verdict == Verdict::Suspect) {
        let (en, zh) = hop.step.words();
        return (format!("No hop failed; look at `{en}` first: {}", hop.en), format!("没有故障环节；请先查看“{zh}”：{}", hop.zh));
    }
    (
        format!("Every hop is well: if the dashboard shows nothing, look at its query (bucket, measurement, device_id = \"{device}\")."),
        format!("各环节均正常；若看板仍无数据，请检查其查询条件（bucket、measurement、device_id = \"{device}\"）。"),
    )
}

/// For people.
pub(super) fn text(hops: &[Hop], device: &str) -> String {
    let mut out = String::new();
    for hop in hops {
        let ((step, step_zh), (verdict, verdict_zh)) = (hop.step.words(), hop.verdict.words());
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{verdict:<8} {step:<11} {}\n{:<20} {step_zh}{verdict_zh}：{}", plain(&hop.en), "", plain(&hop.zh));
        if let (Some(en), Some(zh)) = (&hop.next_en, &hop.next_zh) {
            let _ = writeln!(out, "{:<20} → {}\n{:<20} → {}", "", plain(en), "", plain(zh));
        }
    }
    let (en, zh) = verdict(hops, device);
    let _ = writeln!(out, "\n{}\n{}", plain(&en), plain(&zh));
    out
}
