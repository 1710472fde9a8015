//! The migrations are compiled in, so a changed folder must rebuild this crate.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
