//! Peers that send much, slowly, nothing or nonsense, against a coordinator in a process of its
//! own: each is refused or closed, a site goes on being served meanwhile, and the process does not
//! grow by what was thrown at it.

mod certificates;
mod crowds;
mod dead;
mod floods;
mod raw;
mod server;
mod site;
mod sizes;
mod slow;
