//! Migrating, importing, backing up, restoring and clearing away, through the binary: what is refused,
//! what is killed in the middle, and what is there afterwards.

#[path = "storage_moves/backups.rs"]
mod backups;
#[path = "storage_moves/gc.rs"]
mod gc;
#[path = "storage_moves/house.rs"]
mod house;
#[path = "storage_moves/imports.rs"]
mod imports;
#[path = "storage_moves/migrations.rs"]
mod migrations;
