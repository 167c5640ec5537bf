//! Small vocabularies, in lower case without accents: common given and family names of ten
//! countries and their larger towns, and words that tell other texts from names.

use std::collections::HashSet;
use std::sync::LazyLock;

type Words = LazyLock<HashSet<&'static str>>;

fn set(text: &'static str) -> HashSet<&'static str> {
    text.split_whitespace().collect()
}

pub(super) static GIVEN: Words = LazyLock::new(|| set(include_str!("words/given.txt")));
pub(super) static FAMILY: Words = LazyLock::new(|| set(include_str!("words/family.txt")));
pub(super) static PLACES: Words = LazyLock::new(|| set(include_str!("words/places.txt")));

/// Endings of family names.
pub(super) const FAMILY_ENDS: &[&str] = &[
    "mann", "sson", "sen", "ski", "ska", "cki", "cka", "dzki", "wicz", "czyk", "czak", "berg",
    "stein", "bauer", "meier", "meyer", "maier", "mayer", "dottir", "ova", "enko", "escu",
    "poulos", "idis", "ini", "elli", "etti", "ucci", "acci", "otti", "ello", "worth", "field",
    "eau", "ault", "aud", "oux", "huis", "stra", "inga", "ema", "kvist", "qvist", "strom", "gren",
    "lund", "vic", "vich", "eira", "inho", "aes", "iak", "ez", "man", "son", "ley", "ton", "ner",
    "ert", "ler", "ke", "off", "sky", "quez", "guez",
];

/// Endings and beginnings of towns' names.
pub(super) const TOWN_ENDS: &[&str] = &[
    "ville", "burgh", "burg", "town", "shire", "fort", "bury", "mouth", "port", "side", "view",
    "haven", "chester", "borough", "stad", "stadt", "furt", "ton", "heim", "hausen", "dorf",
    "bourg", "sund", "koping", "shaven", "ingen", "kirchen", "brucken", "wijk", "dam", "drecht",
    "grad", "shamn", "hamn", "land", "chaven",
];
pub(super) const TOWN_STARTS: &[&str] = &[
    "port", "new", "east", "west", "north", "south", "lake", "saint", "sainte", "san", "santa",
    "sao", "santo", "bad", "vila", "villa", "borgo", "st", "sint", "los", "las", "el", "la", "le",
    "den", "nowy", "nowa", "stary", "settimo", "quarto", "sesto", "mount", "fort",
];

/// Words of streets, in many languages: whole words, or endings from four letters on.
pub(super) static STREET: Words = LazyLock::new(|| {
    set(
        "street st road rd avenue ave lane ln drive dr court ct place pl boulevard blvd way parkway pkwy square terrace \
     crescent close gardens grove mews highway suite apt apartment unit flat floor \
     strasse str weg platz allee gasse ring damm ufer chaussee steig \
     rue boulevard chemin impasse quai route cours allee via viale piazza corso vicolo largo contrada strada borgo \
     piazzale stretto rotonda incrocio canale calle avenida avda plaza paseo ronda camino carretera glorieta travesia \
     cuesta pasadizo urbanizacion callejon via acceso cl rua praca travessa alameda estrada largo rotunda r av \
     straat laan plein weg kade gracht singel steeg hof dreef pad baan ring \
     gatan vagen grand torget stigen gata vag backen ulica ul aleja al plac pl osiedle os ave",
    )
});
pub(super) const STREET_ENDS: &[&str] = &[
    "strasse", "weg", "platz", "allee", "gasse", "ring", "damm", "ufer", "straat", "laan", "plein",
    "kade", "gracht", "singel", "steeg", "dreef", "gatan", "vagen", "grand", "torget", "stigen",
    "backen", "hof", "pad", "baan", "gata",
];

/// Occupations: whole words, or their beginnings where five letters or more agree.
pub(super) const OCCUPATIONS: &[&str] = &[
    "manager",
    "engineer",
    "officer",
    "designer",
    "teacher",
    "nurse",
    "surgeon",
    "therapist",
    "scientist",
    "consultant",
    "administrator",
    "developer",
    "technician",
    "analyst",
    "accountant",
    "lawyer",
    "solicitor",
    "barrister",
    "architect",
    "surveyor",
    "editor",
    "journalist",
    "artist",
    "musician",
    "actor",
    "producer",
    "director",
    "assistant",
    "executive",
    "secretary",
    "lecturer",
    "professor",
    "researcher",
    "librarian",
    "broker",
    "banker",
    "trader",
    "planner",
    "buyer",
    "operator",
    "programmer",
    "pharmacist",
    "psychologist",
    "chemist",
    "physicist",
    "biologist",
    "geologist",
    "geneticist",
    "ecologist",
    "optometrist",
    "podiatrist",
    "dentist",
    "doctor",
    "physician",
    "veterinary",
    "farmer",
    "driver",
    "pilot",
    "soldier",
    "police",
    "fireman",
    "firefighter",
    "electrician",
    "plumber",
    "carpenter",
    "mechanic",
    "builder",
    "cook",
    "chef",
    "waiter",
    "waitress",
    "cleaner",
    "clerk",
    "cashier",
    "retailer",
    "salesman",
    "writer",
    "translator",
    "interpreter",
    "photographer",
    "animator",
    "illustrator",
    "curator",
    "conservator",
    "ranger",
    "warden",
    "counsellor",
    "adviser",
    "advisor",
    "coordinator",
    "supervisor",
    "inspector",
    "auditor",
    "economist",
    "statistician",
    "actuary",
    "trainer",
    "coach",
    "student",
    "retired",
    "unemployed",
    "homemaker",
    "housewife",
    "worker",
    "merchandiser",
    "hydrologist",
    "meteorologist",
    "paramedic",
    "midwife",
    "radiographer",
    "dietitian",
    "diplomatic",
    "magistrate",
    "copywriter",
    "broadcast",
    "horticultur",
    "oceanograph",
    "cartograph",
    "archaeolog",
    "copy",
    "stylist",
    "tutor",
    "copywr",
    "lexicograph",
    "systems",
    "armed",
    "civil",
    "air",
    "make",
    "ingenieur",
    "techniker",
    "lehrer",
    "arzt",
    "verkaufer",
    "kaufmann",
    "kauffrau",
    "fachkraft",
    "meister",
    "helfer",
    "pfleger",
    "sekretar",
    "berater",
    "leiter",
    "assistent",
    "mechaniker",
    "elektroniker",
    "fahrer",
    "backer",
    "koch",
    "maler",
    "gartner",
    "rentner",
    "angestellter",
    "beamter",
    "schreiner",
    "tischler",
    "metallbauer",
    "laborant",
    "enseignant",
    "infirmier",
    "medecin",
    "avocat",
    "comptable",
    "responsable",
    "directeur",
    "directrice",
    "chef",
    "vendeur",
    "technicien",
    "conseiller",
    "charge",
    "ouvrier",
    "agent",
    "assistant",
    "professeur",
    "boulanger",
    "coiffeur",
    "chauffeur",
    "ingegnere",
    "medico",
    "infermiere",
    "insegnante",
    "avvocato",
    "impiegato",
    "operaio",
    "tecnico",
    "direttore",
    "autista",
    "ingeniero",
    "enfermero",
    "profesor",
    "abogado",
    "tecnico",
    "trabajador",
    "empleado",
    "conductor",
    "cocinero",
    "vendedor",
    "engenheiro",
    "enfermeiro",
    "professor",
    "advogado",
    "motorista",
    "cozinheiro",
    "empregado",
    "operador",
    "leraar",
    "verpleegkundige",
    "monteur",
    "verkoper",
    "medewerker",
    "chauffeur",
    "adviseur",
    "huisarts",
    "timmerman",
    "larare",
    "sjukskoterska",
    "ingenjor",
    "lakare",
    "tekniker",
    "saljare",
    "snickare",
    "assistent",
    "chef",
    "nauczyciel",
    "inzynier",
    "lekarz",
    "pielegniarka",
    "kierowca",
    "kierownik",
    "technik",
    "sprzedawca",
    "mechanik",
    "kucharz",
    "operator",
    "specjalista",
    "pracownik",
    "monter",
    "murarz",
    "stolarz",
];
/// Endings of occupations.
pub(super) const OCCUPATION_ENDS: &[&str] =
    &["ologist", "grapher", "maker", "keeper", "smith", "monger", "wright", "ician", "trice"];

/// Endings that occupations share with a few family names.
pub(super) const OCCUPATION_LIKELY: &[&str] = &[
    "ista", "tore", "trice", "dor", "dora", "ologo", "ologa", "iere", "nik", "arz", "acz", "logue",
    "teur", "seur", "euse", "istka", "ant", "ente", "tor",
];

/// Endings of countries' and nations' names in several languages.
pub(super) const COUNTRY_ENDS: &[&str] = &[
    "ia", "land", "stan", "landia", "landa", "ien", "ie", "nia", "lande", "rike", "rica", "rijk",
    "ish", "ese", "ian", "isch", "sch", "ska", "ais", "ano",
];

/// What companies and places of care have in their names.
pub(super) static ORGANISATION: Words = LazyLock::new(|| {
    set(
        "hospital clinic klinik klinikum medical center centre health healthcare inc llc ltd gmbh corp corporation company co pc \
     pllc associates group university institute practice care services system commonwealth department hopital centro azienda \
     ospedale krankenhaus ziekenhuis szpital sjukhus foundation trust plc ag sa srl spa bv nv ab physicians nursing home \
     rehab rehabilitation laboratory pharmacy church school college insurance",
    )
});

/// Words and endings of medicine: tests, diseases, medicines, departments; and of colours and
/// other things which, in a column of single words, speak against names.
pub(super) static MEDICAL: Words = LazyLock::new(|| {
    set(
        "blood urine acid sodium potassium chloride calcium magnesium phosphate glucose dextrose insulin heparin aspirin warfarin \
     albumin protein bilirubin hemoglobin haemoglobin hematocrit platelet platelets cell cells count white red serum plasma \
     creatinine urea nitrogen cholesterol lipase amylase enzyme antibody antigen culture ph volume pressure rate oxygen \
     sulfate phosphorus bicarbonate lactate vitamin iron ferritin folate thyroid hormone lymphocytes neutrophils basophils \
     eosinophils monocytes blasts tablet capsule injection solution syringe bag vial oral iv tab cap neo lactulose furosemide \
     morphine hydromorphone fentanyl propofol docusate senna bisacodyl metoprolol lisinopril pantoprazole omeprazole vancomycin \
     acute chronic disease disorder syndrome infection fracture injury cancer tumor tumour carcinoma neoplasm malignant benign \
     pain failure heart renal hepatic pulmonary cardiac gastric cerebral lung liver kidney brain bone skin neck head hip knee \
     sepsis bleeding surgery surgical replacement bypass graft hemorrhage haemorrhage stroke diabetes hypertension pneumonia \
     asthma unspecified other without with due left right upper lower medicine cardiology neurology oncology pediatrics \
     paediatrics orthopedics radiology psychiatry emergency icu ward unit internal general family gynecology obstetrics urology \
     nephrology dermatology ophthalmology anesthesiology medsurg ccu csicu micu sicu medicare medicaid private self pay \
     blue green yellow black grey gray pink orange purple violet brown gold silver lime lavender maroon navy olive teal cyan \
     magenta turquoise beige ivory khaki salmon coral crimson indigo azure aqua orchid plum tan wheat linen snow sienna peru \
     chocolate tomato fuchsia gainsboro bisque moccasin thistle mediumblue \
     positive negative normal abnormal high low trace clear cloudy female male yes no true false married single divorced \
     widowed separated emergency elective urgent newborn home expired transfer admitted discharged",
    )
});
pub(super) const MEDICAL_ENDS: &[&str] = &[
    "itis", "osis", "emia", "aemia", "oma", "opathy", "pathy", "ectomy", "otomy", "ostomy",
    "plasty", "algia", "uria", "plegia", "mycin", "cillin", "azole", "idine", "pril", "sartan",
    "statin", "olol", "pine", "caine", "oxacin", "mide", "zepam", "setron", "tidine", "parin",
    "ium", "ate", "ide", "ase", "cyte", "cytes", "ology", "iatrics", "ectin", "phylline", "sone",
    "blue", "green", "red", "white", "gray", "grey", "yellow", "violet", "pink", "brown", "orange",
    "purple", "orchid", "cyan", "ium", "globin", "ocrit", "rubin", "fen", "phen", "pam", "lam",
    "vir", "mab", "nib", "zine", "amine", "done", "xaban", "gliptin",
];

/// Words by which a text speaks to or of persons.
pub(super) static PERSONAL: Words = LazyLock::new(|| {
    set(
        "my i i'm me you your he she his her him mr mrs ms miss dr prof herr frau monsieur madame mme signor signora senor senora \
     named name's called lives address phone email call mother father wife husband daughter son brother sister friend \
     patient's ich mein meine er sie je mon ma il elle io mio mia yo mi eu meu minha jag min ja moj",
    )
});

/// What the units of laboratories look like, in lower case.
pub(super) static UNITS: Words = LazyLock::new(|| {
    set(
        "% mg/dl mmol/l g/dl g/l k/ul m/ul iu/l u/l meq/l ng/ml ug/dl pg/ml fl pg mm/hr mmhg mm hg sec seconds kg cm m g mg ml l/min \
     units eu/dl #/hpf /hpf #/lpf mosm/kg ratio miu/l uiu/ml ng/dl mcg/dl umol/l nmol/l pmol/l bpm degrees c °c f kpa ug/ml mg/l \
     cells/ul #/ul x10^9/l 10^9/l 10^12/l iu/ml u/ml inr score min hours days years mm mcg meq ug unit ms kg/m2 ml/min k/mm3 \
     gm/dl mm/h l /mm3 mg/24hr gms/dl torr breaths/min beats/min au/ml index",
    )
});

/// Codes of currencies that tables name most.
pub(super) static CURRENCIES: Words = LazyLock::new(|| {
    set(
        "usd eur gbp chf sek nok dkk pln czk huf jpy cny inr brl cad aud nzd rub try zar mxn sgd hkd krw thb idr myr php ils aed sar \
     egp ngn kes mad ars clp cop pen uyu ron bgn hrk isk uah pkr bdt lkr vnd twd afn all amd ang aoa awg azn bam bbd bhd bif bmd bnd \
     bob bsd btn bwp byr byn bzd cdf crc cuc cup cve djf dop dzd ern etb fjd fkp gel ghs gip gmd gnf gtq gyd hnl htg iqd irr jmd jod \
     kgs khr kmf kpw kwd kyd kzt lak lbp lrd lsl lyd mdl mga mkd mmk mnt mop mro mur mvr mwk mzn nad nio npr omr pab pgk pyg qar rsd \
     rwf sbd scr sdg shp sll sos srd std svc syp szl tjs tmt tnd top ttd tvd tzs ugx uzs vef vuv wst xaf xcd xdr xof xpf yer zmw zwd \
     ggp imp jep spl",
    )
});

/// Two values at most, and each of them one of these.
pub(super) static YES_NO: Words = LazyLock::new(|| {
    set(
        "0 1 0.0 1.0 y n yes no true false t f ja nein j oui non o si sim nao nee nej tak nie positive negative pos neg",
    )
});
pub(super) static SEXES: Words = LazyLock::new(|| {
    set(
        "male female m f w man woman mannlich weiblich divers homme femme maschio femmina uomo donna hombre mujer masculino feminino \
     masculin feminin vrouw kvinna kobieta mezczyzna other unknown intersex u x v k",
    )
});
pub(super) static ORIGINS: Words = LazyLock::new(|| {
    set(
        "caucasian white black asian hispanic latino african american native pacific islander other/unknown mixed indian chinese \
     arab roma african-american africanamerican white/caucasian",
    )
});

/// Whether a word, or its ending where that is `least` letters shorter, is in a vocabulary.
pub(super) fn ends(word: &str, endings: &[&str], least: usize) -> bool {
    endings.iter().any(|ending| word.len() >= ending.len() + least && word.ends_with(ending))
}

pub(super) fn is_medical(word: &str) -> bool {
    MEDICAL.contains(word) || (word.len() >= 6 && ends(word, MEDICAL_ENDS, 2))
}
