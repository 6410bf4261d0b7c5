//! A place in the schema files, for those who read the schemas instead of validating with them.

use serde_json::Value;

use super::schemas::{Kind, Schemas, escaped, resolved};

/// A schema: a whole file, or a part of one.
#[derive(Debug, Clone)]
pub struct Node<'a> {
    schemas: &'a Schemas,
    address: String,
    schema: &'a Value,
}

impl Schemas {
    /// The schema file of that kind and name.
    pub fn node(&self, kind: Kind, name: &str) -> Option<Node<'_>> {
        self.node_at(format!("{}{}/{name}.json#", self.folder, kind.folder()))
    }

    fn node_at(&self, address: String) -> Option<Node<'_>> {
        let schema = self.at(&address)?;
        Some(Node { schemas: self, address, schema })
    }
}

impl<'a> Node<'a> {
    /// The schema itself.
    pub fn schema(&self) -> &'a Value {
        self.schema
    }

    /// What its `$ref` leads to.
    pub fn referred(&self) -> Option<Self> {
        let reference = self.schema.get("$ref")?.as_str()?;
        self.schemas.node_at(resolved(&self.address, reference)?)
    }

    /// The schema some steps further inside: `["properties", "id"]`.
    pub fn inside(&self, steps: &[&str]) -> Option<Self> {
        let mut address = self.address.clone();
        for step in steps {
            address.push('/');
            address.push_str(&escaped(step));
        }
        self.schemas.node_at(address)
    }

    /// The schemas in one of its lists, such as `allOf`.
    pub fn listed(&self, keyword: &str) -> Vec<Self> {
        let count = self.schema.get(keyword).and_then(Value::as_array).map_or(0, Vec::len);
        (0..count).filter_map(|index| self.inside(&[keyword, &index.to_string()])).collect()
    }

    /// The name of the object that this is, when it is a whole file of an object.
    pub fn object(&self) -> Option<&str> {
        let file = self.address.strip_prefix(&*self.schemas.folder)?.strip_suffix(".json#")?;
        file.strip_prefix(Kind::Object.folder())?.strip_prefix('/')
    }
}
