//! Metadata as `yiping inspect` prints it: what the schema says, who has how much of it, and what the tileset and its groups say.

use super::{counts, line};
use crate::city::inspect::{ClassSummary, MetadataSummary};
use crate::ogc::{ClassName, Described};
use serde_json::Value;
use std::io::{self, Write};

pub(super) fn print(out: &mut impl Write, s: &MetadataSummary) -> io::Result<()> {
    if s.is_empty() {
        return Ok(());
    }
    if let Some(why) = &s.schema_missing {
        line(out, "metadata schema", format!("MISSING, {why}"))?;
    }
    s.schema.iter().try_for_each(|schema| line(out, "metadata schema", called(schema)))?;
    s.classes.iter().try_for_each(|c| class(out, c))?;
    for (name, values) in &s.enums {
        writeln!(out, "    enum {name:<23} {}", values.join(", "))?;
    }
    for (of, by_class) in &s.counts {
        line(out, &format!("{of}, by class"), counts(by_class))?;
    }
    s.tileset.iter().try_for_each(|t| described(out, "tileset", t))?;
    s.groups.iter().try_for_each(|(name, g)| described(out, &format!("group {name}"), g))
}

fn class(out: &mut impl Write, s: &ClassSummary) -> io::Result<()> {
    writeln!(out, "    class {}", called(&s.class))?;
    for p in &s.properties {
        let required = if p.required { ", required" } else { "" };
        let more = [&p.name, &p.semantic, &p.description].into_iter().filter(|t| !t.is_empty());
        let more = more.map(|t| format!("; {t}")).collect::<String>();
        writeln!(out, "      {:<26} {}{required}{more}", p.id, p.kind)?;
    }
    Ok(())
}

/// `id, name: description`.
fn called(class: &ClassName) -> String {
    let name = if class.name == class.id || class.name.is_empty() { String::new() } else { format!(", {}", class.name) };
    let description = if class.description.is_empty() { String::new() } else { format!(": {}", class.description) };
    format!("{}{name}{description}", class.id)
}

fn described(out: &mut impl Write, what: &str, said: &Described) -> io::Result<()> {
    line(out, what, called(&ClassName { description: String::new(), ..said.class.clone() }))?;
    for p in &said.properties {
        let value = if let Value::String(text) = &p.value { text.clone() } else { p.value.to_string() };
        writeln!(out, "    {:<28} {value}", p.name)?;
    }
    Ok(())
}
