//! What becomes of a site when a file of its folder is lost or damaged, when its disk is full or
//! broken, when two daemons want the same folder, and when the folder is one of yesterday.

mod damage;
mod disk;
mod second;
mod support;
mod yesterday;
