use ripieno_access::{Decision, Gate, Policy, Request, Requester};
use ripieno_catalog::Catalog;
use ripieno_study::Study;

fn main() {
    let (catalog, authority) = Catalog::new("va", []).unwrap();
    let gate = Gate::new(catalog, authority, Policy::laboratory());
    let text = "name = 'n'\npurpose = 'p'\nanalysis = { kind = 'vector', length = 3 }";
    let study = Study::parse(text).unwrap();
    let requester = Requester {
 name: "Ada".into(), role: "researcher".into(), ..Requester::default() };
    let decision = gate.decide(&Request::new(&study, requester, 0));
    if let Ok(Decision::Approved(permit)) = decision {
        let _ = gate.open(&permit, 0);
    }
}
