//! Services: the leaves of the four category trees. A service's code is its category's path with dots (`traffic.accident.collision`),
//! because it stands in addresses.

use crate::model::category::{Categories, Category, root};
use crate::model::incident::Domain;
use serde_json::{Value, json};

/// A leaf of a tree with the names of what it hangs from.
pub struct Service {
    /// Path in the tree.
    pub category: String,
    pub domain: Domain,
    pub name: &'static str,
    pub name_en: &'static str,
    /// Chinese and English names from the domain down to it.
    above: Vec<(&'static str, &'static str)>,
}

impl Service {
    pub fn code(&self) -> String {
        code(&self.category)
    }

    fn json(&self) -> Value {
        let names = |of: fn(&(&'static str, &'static str)) -> &'static str| self.above.iter().map(of).collect::<Vec<_>>().join(" / ");
        json!({
            "service_code": self.code(),
            "service_name": format!("{} {}", self.name, self.name_en),
            "description": format!("{} / {}; {} / {}", names(|n| n.0), self.name, names(|n| n.1), self.name_en),
            "metadata": true,
            "type": "realtime",
            "keywords": self.category.replace('/', ","),
            "group": self.above.first().map(|n| format!("{} {}", n.0, n.1)),
        })
    }
}

/// A category's path as a service code.
pub fn code(category: &str) -> String {
    category.replace('/', ".")
}

pub fn all() -> Vec<Service> {
    let mut out = Vec::new();
    for tree in &Categories::bundled().trees {
        let above = vec![(tree.name.as_str(), tree.name_en.as_str())];
        tree.categories.iter().for_each(|c| leaves(c, tree.domain, root(tree.domain), &above, &mut out));
    }
    out
}

fn leaves(c: &'static Category, domain: Domain, path: &str, above: &[(&'static str, &'static str)], out: &mut Vec<Service>) {
    let category = format!("{path}/{}", c.id);
    if c.children.is_empty() {
        out.push(Service { category, domain, name: &c.name, name_en: &c.name_en, above: above.to_vec() });
        return;
    }
    let above: Vec<_> = above.iter().copied().chain([(c.name.as_str(), c.name_en.as_str())]).collect();
    c.children.iter().for_each(|child| leaves(child, domain, &category, &above, out));
}

pub fn find(code: &str) -> Option<Service> {
    all().into_iter().find(|s| s.code() == code)
}

pub fn list() -> Value {
    all().iter().map(Service::json).collect()
}

/// What may be said with a request of this service.
pub fn definition(code: &str) -> Option<Value> {
    let service = find(code)?;
    let values = [("critical", "特急 critical"), ("major", "重大 major"), ("minor", "一般 minor"), ("info", "提示 information")];
    let values: Vec<Value> = values.iter().map(|(key, name)| json!({"key": key, "name": name})).collect();
    let severity = json!({"variable": true, "code": "severity", "datatype": "singlevaluelist", "required": false,
        "datatype_description": "一般 when not said", "order": 1, "description": "等级 severity", "values": values});
    Some(json!({"service_code": service.code(), "attributes": [severity]}))
}
