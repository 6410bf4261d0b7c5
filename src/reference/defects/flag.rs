//! The rules that the server can be told to break on purpose, where no change of a message would say it.

use serde::Deserialize;

macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $name:ident;)+) => {
        /// A rule that is broken.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Flag {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Flag {
            /// All of them.
            #[cfg(test)]
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

flags! {
    /// An event gets the `order` of the one before it in its thread.
    OrderReused;
}

/// The rules that are broken while one request is carried out, or as long as one connection lasts. None, nearly always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(u64);

impl Flags {
    /// With one more.
    pub fn and(self, flag: Flag) -> Self {
        Self(self.0 | 1 << flag as u64)
    }

    /// Whether this rule is broken.
    pub fn has(self, flag: Flag) -> bool {
        self.0 & 1 << flag as u64 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_its_own() {
        assert!(Flag::ALL.len() <= 64);
        for flag in Flag::ALL {
            let only = Flags::default().and(*flag);
            assert!(Flag::ALL.iter().all(|other| only.has(*other) == (other == flag)));
        }
    }
}
