//! The list on paper: English with Chinese headings; and as JSON.

use super::audit::{Audit, Model};
use super::fields::{Field, Sent};
use crate::cli::profile::table::Table;
use crate::letters;
use std::fmt::Write as _;

pub(super) fn json(audit: &Audit) -> String {
    // What is made of texts alone can always be written as JSON.
    serde_json::to_string_pretty(audit).map(|text| text + "\n").unwrap_or_default()
}

pub(super) fn text(audit: &Audit) -> String {
    let mut out = format!("隐私审计 Privacy audit of {}\n\n", audit.gateway);
    out.push_str("Only the fields below can be stored or sent. Everything else in a message is dropped unread; how often is counted,\nnever what. 以下字段之外的内容一律不读取、不保存、不发送。\n");
    add_destinations(&mut out, audit);
    audit.models.iter().for_each(|model| add_model(&mut out, model, !audit.databases.is_empty()));
    out
}

fn add_destinations(out: &mut String, audit: &Audit) {
    out.push_str("\n数据去向 Where data goes\n");
    let mut table = Table::new(&["WHAT", "NAME", "ADDRESS", "THE GATEWAY"]);
    table.row(vec!["store".into(), String::new(), audit.store.clone(), "keeps every field below".into()]);
    let letters = format!("{}/{}", audit.store, letters::DIR);
    let kept = "keeps refused messages without what no model names or may be personal, and lines a database refused";
    table.row(vec!["dead letters".into(), String::new(), letters, kept.into()]);
    for database in &audit.databases {
        let readings = match &database.only[..] {
            [] => "readings".to_owned(),
            only => format!("readings of {} only", only.join(", ")),
        };
        let parts = [("figures", database.metrics), ("alarms and events", database.events), (&readings, database.raw)];
        let sent: Vec<&str> = parts.iter().filter(|(_, is_sent)| *is_sent).map(|(what, _)| *what).collect();
        let no_readings = if database.raw { "" } else { "; no readings" };
        let what = format!("sends {}{no_readings}", sent.join(", "));
        table.row(vec!["destination".into(), format!("{}: {}", database.name, database.into), database.url.clone(), what]);
    }
    for contact in &audit.contacts {
        table.row(vec![contact.what.into(), contact.name.clone(), contact.address.clone(), contact.does.into()]);
    }
    out.push_str(&table.render("  "));
    if audit.databases.is_empty() {
        out.push_str("  Nothing is sent: there is no [forward.NAME].\n");
    }
    out.push_str("  Nothing else is contacted. 除此之外不联系任何主机。\n");
}

fn add_model(out: &mut String, model: &Model, is_sending: bool) {
    // Writing to a String cannot fail.
    let _ =
        write!(out, "\n{} {}: {} ({})\n  devices 设备: {}\n", model.zh, model.kind, model.title, model.profile, model.devices.join(" "));
    if is_sending {
        let _ = writeln!(out, "  tags of every line sent 标签: {}", model.tags);
    }
    out.push_str("\n  保存与发送的字段 Fields\n");
    let mut table = Table::new(&["FROM", "PLACE", "SERIES", "PART", "SENT", "MEANING"]);
    for field in &model.fields {
        table.row(vec![
            field.from.clone(),
            field.place.clone(),
            field.series.into(),
            field.part.clone().unwrap_or_default(),
            sent(field).into(),
            format!("{} {}", field.zh, field.en),
        ]);
    }
    out.push_str(&table.render("    "));
    let guarded: Vec<&Field> = model.fields.iter().filter(|field| field.guard.is_some()).collect();
    if !guarded.is_empty() {
        out.push_str("\n  文本与无范围数值的限制 What guards texts, and numbers without a range\n");
        let mut table = Table::new(&["PLACE", "SERIES", "RULE"]);
        for field in guarded {
            let place = if field.place.is_empty() { &field.from } else { &field.place };
            table.row(vec![place.clone(), field.series.into(), field.guard.clone().unwrap_or_default()]);
        }
        out.push_str(&table.render("    "));
    }
    add_places(out, model);
}

fn add_places(out: &mut String, model: &Model) {
    if !model.used.is_empty() {
        out.push_str("\n  读取但不保存 Read and not kept as it is\n");
        let mut table = Table::new(&["FROM", "PLACE", "USE"]);
        for used in &model.used {
            table.row(vec![used.from.clone(), used.place.clone(), format!("{} {}", used.use_zh, used.use_en)]);
        }
        out.push_str(&table.render("    "));
    }
    if !model.ignored.is_empty() {
        out.push_str("\n  已知但丢弃 Known and dropped\n");
        let mut table = Table::new(&["FROM", "PLACE"]);
        model.ignored.iter().for_each(|place| table.row(vec![place.from.clone(), place.place.clone()]));
        out.push_str(&table.render("    "));
    }
}

fn sent(field: &Field) -> &'static str {
    match (field.sent, field.stored_of_machine_only) {
        (Sent::Always, _) => "to the destinations",
        (Sent::OfMachine, true) => "of faults; of what people do neither stored nor sent",
        (Sent::OfMachine, false) => "of faults; of what people do it stays here",
        (Sent::Never, true) => "stays here; of what people do not even stored",
        (Sent::Never, false) => "stays here",
    }
}
