//! The files of the console, by name: one that is not named here is not served. A test holds the list equal to the folder.

use service_kit::page_assets;
use service_kit::pages::Asset;

/// All of them but the shell.
pub const ASSETS: &[Asset] = page_assets!["../../assets/console":
    "console.css",
    "parts.css",
    "api.js",
    "dom.js",
    "format.js",
    "main.js",
    "parts.js",
    "signin.js",
    "watch.js",
    "words.js",
    "projects.css",
    "system.css",
    "address.js",
    "audit.js",
    "credentials.js",
    "dead-letters.js",
    "mapping.js",
    "meaning.js",
    "project-desk.js",
    "project-facts.js",
    "project-form.js",
    "project-live.js",
    "project-new.js",
    "project-trial.js",
    "project-words.js",
    "project.js",
    "projects.js",
    "system.js",
];
