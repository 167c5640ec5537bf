//! `status`.

use ripieno_rpc::{OperatorStatusRequest, OperatorStatusResponse};
use ripieno_terminal::{Exit, Failure, Style, counted, json_to_stdout, line_to_stdout, wrap};
use serde_json::json;

use super::office::{connect, refused};
use super::sites::{span, until};
use super::{ShowArgs, block_on};

pub(super) fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let response = block_on(async {
        connect(&args.folder).await?.status(OperatorStatusRequest {}).await.map_err(refused)
    })?;
    let status = response.into_inner();
    if args.json {
        json_to_stdout(&as_json(&status))?;
    } else {
        line_to_stdout(&text(&status))?;
    }
    Ok(Exit::Done)
}

fn as_json(status: &OperatorStatusResponse) -> serde_json::Value {
    json!({
        "federation": status.federation, "program": status.program, "listens": status.listens,
        "up_seconds": status.up_seconds, "sites_present": status.sites_present,
        "studies_running": status.studies_running, "charter_version": status.charter_version,
        "epoch": status.epoch, "holders": status.holders,
        "authority_ends": status.authority_ends, "certificate_ends": status.certificate_ends,
        "revocation_list_ends": status.revocation_list_ends, "alarms": status.alarms,
        "metrics": status.metrics,
    })
}

fn there(sites: u32) -> String {
    match sites {
        0 => format!("none is there; see {} sites", crate::program()),
        sites => format!("{sites} there"),
    }
}

fn text(status: &OperatorStatusResponse) -> String {
    let style = Style::of_stdout();
    let charter = match status.charter_version {
        0 => "none in force".to_owned(),
        version => format!("version {version}"),
    };
    let epoch = match status.epoch {
        Some(number) => format!("{number}, {}", counted(status.holders.len() as u64, "holder")),
        None => "none".to_owned(),
    };
    let lines = [
        ("listens", status.listens.clone()),
        ("up", format!("{}, program {}", span(status.up_seconds), status.program)),
        ("charter", charter),
        ("sites", there(status.sites_present)),
        ("studies", format!("{} running", status.studies_running)),
        ("epoch", epoch),
        (
            "ends",
            format!(
                "authority {}, own certificate {}, revocation list {}",
                until(status.authority_ends),
                until(status.certificate_ends),
                until(status.revocation_list_ends)
            ),
        ),
    ];
    let metrics = status.metrics.iter().map(|at| ("metrics", format!("http://{at}/metrics")));
    let lines = lines.into_iter().chain(metrics);
    let lines = lines.map(|(name, value)| format!("  {name:<9}{value}")).collect::<Vec<_>>();
    let alarms: Vec<_> = status.alarms.iter().map(|alarm| style.bad(wrap(alarm, 2))).collect();
    let alarms = match alarms.is_empty() {
        true => style.good("  Nothing needs attention."),
        false => alarms.join("\n"),
    };
    format!("{}\n{}\n\n{alarms}", style.bold(&status.federation), lines.join("\n"))
}
