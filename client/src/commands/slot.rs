//! `slot`: what nobody knows the outcome of, and what the steward says of it.

use bytes::Bytes;
use clap::Subcommand;
use ripieno_rpc::{DecideSlotRequest, StewardStatusRequest, UnresolvedSlot};
use ripieno_terminal::{Exit, Failure, json_to_stdout, line_to_stdout};
use serde_json::json;

use super::local::{daemon, said};
use super::{ShowArgs, StewardArgs, wait_for};
use crate::{hex, program};

/// What a decision means.
const EXPLAINED: &str = "\
A slot is resolved by a certificate of the other sites, which comes by itself once enough of them are \
connected. Decide only where it cannot come any more. --opened is the safe answer: the sum counts as \
one that was opened, and limits what may still be asked of the same data. --not-opened frees it: if the \
sum was opened after all, the difference to a later sum may give this site's part away.";

/// What can be done with slots.
#[derive(Debug, Subcommand)]
pub enum SlotCommand {
    /// Lists the slots of this site's data without an outcome
    List(ShowArgs),
    /// Says how a slot is to count where no certificate can be had any more
    #[command(after_help = EXPLAINED)]
    Decide(DecideArgs),
}

/// A decision.
#[derive(Debug, clap::Args)]
pub struct DecideArgs {
    /// The slot, as `slot list` prints it: 64 digits, a slash and a number
    #[arg(value_name = "SLOT", value_parser = parse)]
    slot: Slot,
    /// Count its sum as opened: the safe answer
    #[arg(long, required_unless_present = "not_opened", conflicts_with = "not_opened")]
    opened: bool,
    /// Count its sum as never opened: only where that is known for sure
    #[arg(long)]
    not_opened: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    steward: StewardArgs,
    #[command(flatten)]
    show: ShowArgs,
}

/// An epoch's digest and a number in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Slot {
    transcript: [u8; 32],
    number: u16,
}

pub(super) fn run(command: &SlotCommand) -> Result<Exit, Failure> {
    match command {
        SlotCommand::List(show) => list(show),
        SlotCommand::Decide(args) => decide(args),
    }
}

fn list(show: &ShowArgs) -> Result<Exit, Failure> {
    let slots = wait_for(async {
        let mut daemon = daemon(&show.dir).await?;
        let status = daemon.status(StewardStatusRequest {}).await;
        status.map(|response| response.into_inner().slots).map_err(|status| said(&status))
    })?;
    if show.json {
        let slots: Vec<_> = slots.iter().map(as_json).collect();
        json_to_stdout(&json!({ "slots": slots }))?;
        return Ok(Exit::Done);
    }
    if slots.is_empty() {
        line_to_stdout("Every slot of this site's data has its outcome.")?;
        return Ok(Exit::Done);
    }
    slots.iter().try_for_each(|slot| line_to_stdout(&text(slot)))?;
    if slots.iter().all(|slot| slot.under_way) {
        line_to_stdout("\nThere is nothing to decide: these are resolved by themselves.")?;
        return Ok(Exit::Done);
    }
    line_to_stdout(&format!("\n{EXPLAINED}\n"))?;
    line_to_stdout(&format!(
        "next: {} slot decide SLOT --opened --reason TEXT --dir {}",
        program(),
        show.dir.display()
    ))?;
    Ok(Exit::Done)
}

fn decide(args: &DecideArgs) -> Result<Exit, Failure> {
    let request = DecideSlotRequest {
        transcript: Bytes::copy_from_slice(&args.slot.transcript),
        slot: args.slot.number.into(),
        opened: args.opened,
        steward: args.steward.name(),
        reason: args.reason.clone(),
    };
    wait_for(async {
        let mut daemon = daemon(&args.show.dir).await?;
        daemon.decide_slot(request).await.map(drop).map_err(|status| said(&status))
    })?;
    if args.show.json {
        json_to_stdout(&json!({ "opened": args.opened }))?;
    } else {
        let how = if args.opened { "as opened" } else { "as never opened" };
        line_to_stdout(&format!(
            "The slot counts {how}. A certificate that comes later outranks it."
        ))?;
    }
    Ok(Exit::Done)
}

fn parse(text: &str) -> Result<Slot, String> {
    let wrong = || "a slot is 64 digits, a slash and a number: copy it from slot list".to_owned();
    let (transcript, number) = text.split_once('/').ok_or_else(wrong)?;
    let transcript = hex::bytes(transcript).ok_or_else(wrong)?;
    let number = number.parse().map_err(|_| wrong())?;
    Ok(Slot { transcript, number })
}

fn text(slot: &UnresolvedSlot) -> String {
    let study = if slot.name.is_empty() { "a study that ended" } else { &slot.name };
    let under_way = if slot.under_way { ": under way" } else { "" };
    format!("{}{under_way}\n  {study} ({})", named(slot), digits(&slot.study))
}

fn named(slot: &UnresolvedSlot) -> String {
    format!("{}/{}", digits(&slot.transcript), slot.slot)
}

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_json(slot: &UnresolvedSlot) -> serde_json::Value {
    json!({
        "slot": named(slot),
        "study": digits(&slot.study),
        "name": slot.name,
        "under_way": slot.under_way,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(Debug, clap::Parser)]
    struct Typed {
        #[command(subcommand)]
        command: SlotCommand,
    }

    #[test]
    fn what_is_listed_can_be_decided() {
        let listed = UnresolvedSlot {
            transcript: Bytes::from_static(&[0xa5; 32]),
            slot: 7,
            ..UnresolvedSlot::default()
        };
        assert_eq!(parse(&named(&listed)), Ok(Slot { transcript: [0xa5; 32], number: 7 }));
        for text in ["", "7", "a5a5/7", &format!("{}/65536", "a5".repeat(32))] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_decision_says_one_of_two_things_and_why() {
        let slot = format!("{}/7", "a5".repeat(32));
        let typed = |more: &[&str]| {
            let begin = ["slot", "decide", slot.as_str()];
            Typed::try_parse_from(begin.iter().chain(more)).is_ok()
        };
        assert!(typed(&["--opened", "--reason", "r"]));
        assert!(typed(&["--not-opened", "--reason", "r"]));
        assert!(!typed(&["--opened"]), "no reason");
        assert!(!typed(&["--reason", "r"]), "no answer");
        assert!(!typed(&["--opened", "--not-opened", "--reason", "r"]), "both");
    }
}
