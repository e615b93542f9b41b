//! The organization and its departments.

use serde::Serialize;
use serde_json::{Map, Value};

use super::Asset;
use super::reader::Reader;

/// Who runs this installation, and the rules of its processes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Organization {
    /// The version of the format.
    pub schema_version: String,
    /// Its name.
    pub name: String,
    /// What it wants to become.
    pub vision: String,
    /// How it behaves.
    pub ethos: String,
    /// How it looks.
    pub branding: Branding,
    /// What it builds on.
    pub architecture: Architecture,
    /// How to reach it.
    pub contact: Contact,
    /// Its departments.
    pub departments: Vec<String>,
    /// Settings of the runtime, read where they are used.
    pub process_rules: Map<String, Value>,
    /// Endings of files that agents may not write.
    pub forbidden_file_types: Vec<String>,
    /// When something is a bottleneck.
    pub bottleneck_thresholds: BottleneckThresholds,
}

impl Asset for Organization {
    const KIND: &'static str = "organization";
    const CATEGORY: &'static str = "organization";

    fn read(reader: &Reader<'_>, _stem: &str) -> Self {
        Self {
            schema_version: reader.text_or("schema_version", "1.0.0"),
            name: reader.required_text(&["name"], "the organization's name"),
            vision: reader.lines("vision"),
            ethos: reader.lines("ethos"),
            branding: reader
                .object("branding", Branding::read)
                .unwrap_or_default(),
            architecture: reader
                .object("architecture", Architecture::read)
                .unwrap_or_default(),
            contact: reader.object("contact", Contact::read).unwrap_or_default(),
            departments: reader.texts("departments"),
            process_rules: reader.map("process_rules"),
            forbidden_file_types: reader.texts("forbidden_file_types"),
            bottleneck_thresholds: reader
                .object("bottleneck_thresholds", BottleneckThresholds::read)
                .unwrap_or_default(),
        }
    }
}

/// How an organization looks.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Branding {
    /// Colours by name.
    pub colorscheme: Map<String, Value>,
    /// Fonts.
    pub fonts: Vec<String>,
    /// The logo's file.
    pub logo_path: Option<String>,
    /// What designs should do.
    pub design_dos: Vec<String>,
    /// What they should not.
    pub design_donts: Vec<String>,
}

impl Branding {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            colorscheme: reader.map("colorscheme"),
            fonts: reader.texts("fonts"),
            logo_path: reader.text("logo_path"),
            design_dos: reader.texts("design_dos"),
            design_donts: reader.texts("design_donts"),
        }
    }
}

/// What an organization builds on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Architecture {
    /// From how many cards on a structure is asked for.
    pub idesign_threshold: u32,
    /// What is used for what.
    pub preferred_stack: Map<String, Value>,
    /// Rules of building and shipping, as written.
    pub cicd_rules: Vec<Value>,
}

impl Default for Architecture {
    fn default() -> Self {
        Self {
            idesign_threshold: 10,
            preferred_stack: Map::new(),
            cicd_rules: Vec::new(),
        }
    }
}

impl Architecture {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            idesign_threshold: reader.count("idesign_threshold").unwrap_or(10),
            preferred_stack: reader.map("preferred_stack"),
            cicd_rules: reader.list("cicd_rules").to_vec(),
        }
    }
}

/// How to reach someone.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Contact {
    /// By mail.
    pub email: Option<String>,
    /// On the web.
    pub website: Option<String>,
    /// Elsewhere.
    pub socials: Map<String, Value>,
}

impl Contact {
    fn read(reader: &Reader<'_>) -> Self {
        Self {
            email: reader.text("email"),
            website: reader.text("website"),
            socials: reader.map("socials"),
        }
    }
}

/// When something is a bottleneck.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BottleneckThresholds {
    /// Hours that a card may be blocked.
    pub blocked_duration_hours: f64,
    /// Hours that a review may take.
    pub review_duration_hours: f64,
    /// Cards of one seat that may be under way at once; only a limit that is written down applies.
    pub wip_limit_per_seat: Option<u32>,
    /// Cards that may wait for one seat.
    pub queue_depth_per_seat: u32,
}

impl Default for BottleneckThresholds {
    fn default() -> Self {
        Self {
            blocked_duration_hours: 24.0,
            review_duration_hours: 48.0,
            wip_limit_per_seat: None,
            queue_depth_per_seat: 5,
        }
    }
}

impl BottleneckThresholds {
    fn read(reader: &Reader<'_>) -> Self {
        let default = Self::default();
        Self {
            blocked_duration_hours: reader
                .number("blocked_duration_hours")
                .unwrap_or(default.blocked_duration_hours),
            review_duration_hours: reader
                .number("review_duration_hours")
                .unwrap_or(default.review_duration_hours),
            wip_limit_per_seat: reader.count("wip_limit_per_seat"),
            queue_depth_per_seat: reader
                .count("queue_depth_per_seat")
                .unwrap_or(default.queue_depth_per_seat),
        }
    }
}

/// A part of the organization with assets of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Department {
    /// The version of the format.
    pub schema_version: String,
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its own process rules, as written.
    pub process_rules: Map<String, Value>,
    /// Its settings, as written.
    pub settings: Map<String, Value>,
}

impl Asset for Department {
    const KIND: &'static str = "department";
    const CATEGORY: &'static str = "departments";

    fn read(reader: &Reader<'_>, stem: &str) -> Self {
        Self {
            schema_version: reader.text_or("schema_version", "1.0.0"),
            // `model/<name>/department.json` carries the name in its folder.
            name: match stem {
                "department" => reader.required_text(&["name"], "the department's name"),
                stem => reader.text_or("name", stem),
            },
            description: reader.lines("description"),
            process_rules: reader.map("process_rules"),
            settings: reader.map("settings"),
        }
    }
}
