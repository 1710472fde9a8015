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
];
