//! Category trees of the four domains and the time limits that come with them; data in `assets/categories/`.

use super::incident::{Domain, Report, Severity};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::LazyLock;

/// Hours to handle an incident, by severity. Calendar hours for now, not work hours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    pub critical: f64,
    pub major: f64,
    pub minor: f64,
    pub info: f64,
}

impl Hours {
    fn of(&self, severity: Severity) -> f64 {
        match severity {
            Severity::Critical => self.critical,
            Severity::Major => self.major,
            Severity::Minor => self.minor,
            Severity::Info => self.info,
        }
    }
}

/// One domain's tree, as in its TOML file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    pub domain: Domain,
    pub name: String,
    pub name_en: String,
    /// For what has no hours of its own.
    pub hours: Hours,
    #[serde(rename = "category")]
    pub categories: Vec<Category>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// One step of a path: `stall` in `urban_management/street_order/stall`.
    pub id: String,
    pub name: String,
    pub name_en: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<Hours>,
    #[serde(default, rename = "category", skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Category>,
}

/// The trees with their limits by path.
#[derive(Clone, Debug, Default)]
pub struct Categories {
    pub trees: Vec<Tree>,
    hours: HashMap<String, Hours>,
}

const BUNDLED: [&str; 4] = [
    include_str!("../../assets/categories/public_order.toml"),
    include_str!("../../assets/categories/urban_management.toml"),
    include_str!("../../assets/categories/emergency.toml"),
    include_str!("../../assets/categories/traffic.toml"),
];

static CATEGORIES: LazyLock<Categories> = LazyLock::new(|| match Categories::parse(&BUNDLED) {
    Ok(categories) => categories,
    Err(e) => unreachable!("the bundled category trees are held readable by a test: {e}"),
});

impl Categories {
    /// The trees that come with the program.
    pub fn bundled() -> &'static Categories {
        &CATEGORIES
    }

    /// Reads trees, one TOML text a domain.
    pub fn parse(texts: &[&str]) -> Result<Self, toml::de::Error> {
        let mut all = Self::default();
        for text in texts {
            let tree: Tree = toml::from_str(text)?;
            let root = root(tree.domain);
            all.hours.insert(root.to_owned(), tree.hours);
            for category in &tree.categories {
                all.enter(root, category);
            }
            all.trees.push(tree);
        }
        Ok(all)
    }

    fn enter(&mut self, above: &str, category: &Category) {
        let path = format!("{above}/{}", category.id);
        if let Some(hours) = category.hours {
            self.hours.insert(path.clone(), hours);
        }
        for child in &category.children {
            self.enter(&path, child);
        }
    }

    /// Whether a path of ids, from the domain's own, leads to a category of the trees.
    pub fn has(&self, path: &str) -> bool {
        let mut ids = path.split('/');
        let first = ids.next().unwrap_or_default();
        let Some(tree) = self.trees.iter().find(|t| root(t.domain) == first) else { return false };
        let mut level = &tree.categories;
        for id in ids {
            match level.iter().find(|c| c.id == id) {
                Some(category) => level = &category.children,
                None => return false,
            }
        }
        true
    }

    /// Time to handle what falls under `category`: of the longest part of its path that has hours, or its domain's.
    /// `None` when there is no tree for the domain.
    pub fn limit(&self, category: &str, domain: Domain, severity: Severity) -> Option<TimeDelta> {
        let mut path = category;
        let hours = loop {
            if let Some(hours) = self.hours.get(path) {
                break hours;
            }
            match path.rfind('/') {
                Some(cut) => path = &path[..cut],
                None => break self.hours.get(root(domain))?,
            }
        };
        Some(TimeDelta::seconds((hours.of(severity) * 3600.0) as i64))
    }

    /// When an incident reported at `at` (hub time) must be handled by.
    pub fn due_at(&self, report: &Report, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.limit(&report.category, report.domain, report.severity).map(|limit| at + limit)
    }
}

/// First step of a domain's paths.
pub fn root(domain: Domain) -> &'static str {
    match domain {
        Domain::PublicOrder => "public_order",
        Domain::UrbanManagement => "urban_management",
        Domain::Emergency => "emergency",
        Domain::Traffic => "traffic",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_trees_are_readable_and_cover_the_four_domains() {
        let all = Categories::parse(&BUNDLED).unwrap();
        assert_eq!(all.trees.len(), 4);
        for domain in [Domain::PublicOrder, Domain::UrbanManagement, Domain::Emergency, Domain::Traffic] {
            assert_eq!(all.trees.iter().filter(|t| t.domain == domain).count(), 1);
            assert!(all.limit("unknown", domain, Severity::Critical) < all.limit("unknown", domain, Severity::Info));
        }
    }

    #[test]
    fn the_longest_known_part_of_a_path_sets_the_limit() {
        let all = Categories::bundled();
        let at = |path| all.limit(path, Domain::UrbanManagement, Severity::Minor).unwrap();
        assert_eq!(at("urban_management/street_order/stall/with_music"), at("urban_management/street_order/stall"));
        assert!(at("urban_management/street_order/stall") < at("urban_management/nothing_known"));
    }
}
