//! Words of column names and what they mean. Phrases are parted by commas, without accents.

use super::types::SemanticType::{self, *};

/// Words that turn a name into something about its thing.
pub(super) const MODIFIERS: &[&str] = &[
    "flag",
    "status",
    "known",
    "type",
    "chk",
    "check",
    "checked",
    "verified",
    "valid",
    "missing",
    "count",
    "n",
    "num",
    "has",
    "is",
    "len",
    "length",
    "method",
    "present",
    "available",
    "consent",
    "kind",
    "category",
    "cat",
    "quality",
];

/// Things that have names and are no persons.
pub(super) const THINGS: &[&str] = &[
    "drug",
    "item",
    "file",
    "color",
    "colour",
    "lab",
    "test",
    "hospital",
    "facility",
    "ward",
    "department",
    "device",
    "product",
    "brand",
    "insurer",
    "company",
    "org",
    "organization",
    "organisation",
    "study",
    "procedure",
    "medication",
    "med",
    "class",
    "unit",
    "site",
    "clinic",
    "trial",
    "gene",
    "country",
    "state",
    "event",
    "group",
    "specimen",
    "panel",
    "form",
    "generic",
];

pub(super) const ENTRIES: &[(SemanticType, &str)] = &[
    (
        GivenName,
        "first name, firstname, fname, given name, given, givenname, forename, middle name, vorname, rufname, prenom, nome proprio, \
        nombre, nombre pila, voornaam, roepnaam, fornamn, imie, first, primeiro nome, nome, maiden first, fst nm, fn, first nm",
    ),
    (
        FamilyName,
        "last name, lastname, lname, family name, family, surname, maiden name, maiden, nachname, familienname, geburtsname, \
        nom famille, nom, nom naissance, cognome, apellido, apellidos, apelido, sobrenome, achternaam, geslachtsnaam, efternamn, nazwisko, \
        last, sname, last nm, ln, surnm",
    ),
    (
        PersonName,
        "full name, fullname, patient name, pat name, patientname, name, nm, pt name, ptname, pat nm, display name, attending, \
        physician, physician name, doctor, surgeon, provider, provider name, clinician, nurse, practitioner, mother name, father name, \
        next of kin, nok, guardian, contact name, contact person, emergency contact, name patient, patientenname, arzt, behandler, \
        nom complet, nom prenom, medecin, nome completo, nombre completo, nome cognome, medico, paciente, naam, arts, behandelaar, namn, lakare, \
        imie nazwisko, lekarz, pacjent, referring, nm last first, operator name, author, signed by, caregiver",
    ),
    (
        RecordNumber,
        "mrn, medical record number, medical record, record number, record no, record nr, recordnumber, chart number, \
        chart no, hospital number, hospital no, patient number, patient no, patient nr, patientnr, patnr, pat nr, pat no, patient id, patientid, pat id, \
        case number, case no, fallnummer, fallnr, aktenzeichen, patientennummer, patientenid, krankenakte, numero dossier, ndossier, ipp, nip, dossier, \
        numero patient, numero cartella, cartella clinica, cartella, historia clinica, nhc, numero historia, num historia, processo clinico, \
        numero processo, n processo, patientnummer, dossiernummer, journalnummer, journalnr, numer pacjenta, nr pacjenta, numer kartoteki, \
        emr id, ehr id, unit number, hosp no, med rec, med rec no, account number, acct no, acct, medrec, case id, accession number, id number, id no, rec no, rec nr",
    ),
    (
        NationalId,
        "ssn, social security, social security number, soc sec, socsec, national id, nat id, natid, national identifier, nhs number, nhs no, nhs, nino, \
        national insurance, itin, sin, tax id, taxid, tin, fiscal code, codice fiscale, codicefiscale, cod fisc, cf, nir, insee, num secu, numero secu, \
        securite sociale, secu, steuer id, steuerid, steuernummer, idnr, rvnr, sozialversicherungsnummer, sv nummer, svnr, sv nr, ahv, ahv nummer, personnummer, \
        personnr, persnr, pnr, samordningsnummer, bsn, burgerservicenummer, sofinummer, dni, nie, nif, niss, nuss, pesel, nip pesel, cpf, aadhaar, aadhar, uid aadhaar, \
        cpr, fodselsnummer, hetu, cittadino, curp, cedula, identity number, identity card, id card, ausweis, ausweisnummer, carte identite, carta identita, \
        bilhete identidade, cartao cidadao, cc numero, dowod, dowod osobisty, citizen id, citizen card, nino no, nid",
    ),
    (
        InsuranceNumber,
        "insurance number, insurance no, insurance id, insuranceno, ins no, ins id, policy number, policy no, policy, policy id, member id, memberid, member no, \
        subscriber id, beneficiary, beneficiary id, health plan, health plan id, plan id, hic, mbi, medicare number, medicare no, medicaid id, versichertennummer, \
        versichertennr, kvnr, krankenversichertennummer, versicherungsnummer, vnr, numero assure, num assure, mutuelle, tessera sanitaria, num tessera, \
        tarjeta sanitaria, tsi, cip, numero utente, num utente, n utente, sns, polis, polisnummer, verzekerdennummer, forsakringsnummer, numer ubezpieczenia, \
        nr ubezpieczenia, numer polisy, polisy, poliza, polizza, hpid, beneficiary number, ins num, group number, payer id, insured id, enrollee",
    ),
    (
        Passport,
        "passport, passport number, passport no, passportno, passnummer, reisepass, passeport, num passeport, passaporto, pasaporte, passaporte, paspoort, \
        paspoortnummer, pass nr, paszport, numer paszportu, pp no, travel document, pass no, psprt",
    ),
    (
        DriverLicence,
        "driver licence, driver license, drivers license, drivers licence, drivers, driving licence, driving license, licence, license, \
        licence no, license no, license number, licence number, dl, dl no, dl number, fuhrerschein, fuhrerscheinnummer, permis, permis conduire, patente, \
        carnet conducir, permiso conducir, carta conducao, rijbewijs, rijbewijsnummer, korkort, korkortsnummer, prawo jazdy, certificate number, cert no, lic no, \
        dea, npi, professional license",
    ),
    (
        Phone,
        "phone, phone number, phone no, phoneno, telephone, telephone number, tel, tel no, tel nr, mobile, mobile no, mobile phone, cell, cell phone, cellphone, fax, fax no, \
        fax number, contact number, contact no, pager, telefon, telefonnummer, telefonnr, handy, handynummer, rufnummer, mobil, mobilnummer, portable, \
        telephone fixe, num tel, telefono, cellulare, cell no, movil, telefone, telemovel, telemobile, telefoon, telefoonnummer, mobiel, gsm nr, numer telefonu, \
        telefon komorkowy, komorka, ph no, phn, ph number, home phone, work phone, tlf, tfn, msisdn, whatsapp, kontakt telefon",
    ),
    (
        Email,
        "email, e mail, mail, email address, mail address, e mail adresse, emailadresse, courriel, correo, correo electronico, posta elettronica, e post, epost, \
        contact mail, eml",
    ),
    (
        Url,
        "url, website, web site, web, homepage, home page, profile, profile url, link, web address, portal link, site web, sito, pagina web, webb, facebook, linkedin, twitter, \
        social media",
    ),
    (
        Address,
        "address, addr, adr, address line, street, street address, home address, full address, mailing address, residence, strasse, str nr, adresse, anschrift, wohnort strasse, \
        hausnummer, house number, rue, domicile, voie, indirizzo, via, residenza, direccion, calle, domicilio, morada, endereco, rua, adres, straat, straatnaam, \
        woonadres, huisnummer, adress, gata, gatuadress, gatuadr, ulica, adres zamieszkania, zamieszkania, addr line, strt, po box, addr street",
    ),
    (
        City,
        "city, town, village, municipality, commune, ort, wohnort, stadt, gemeinde, ville, lieu, lieu naissance, citta, comune, luogo nascita, localita, ciudad, poblacion, \
        municipio, localidad, cidade, localidade, concelho, freguesia, plaats, woonplaats, gemeente, stad, postort, ort namn, kommun, miasto, miejscowosc, gmina, birthplace, \
        birth place, place of birth, place birth, geburtsort, county, district, landkreis, geboorteplaats, fodelseort, miejsce urodzenia, naturalidade, suburb, locality, residence city",
    ),
    (
        Postcode,
        "zip, zip code, zipcode, postcode, post code, postal, postal code, postalcode, plz, postleitzahl, code postal, codepostal, cp, cap, codice postale, codigo postal, \
        cod postal, cep, postnummer, postnr, pc, kod pocztowy, kod poczt, pcode, post cd, zip cd, zip5, postal cd, geo id, census tract, fips, lsoa, msoa",
    ),
    (
        Region,
        "country, state, nation, province, region, bundesland, land, pays, paese, pais, kraj, wojewodztwo, lan, nationality, staatsangehorigkeit, provincia, provincie, provincia code",
    ),
    (
        Coordinate,
        "latitude, longitude, lat, lon, lng, long, gps, gps lat, gps lon, geo, geolocation, coordinates, coord, coords, koordinaten, breitengrad, langengrad, latitud, longitud, \
        latitudine, longitudine, breedtegraad, lengtegraad, szerokosc, dlugosc geograficzna, home lat, home lon, x coord, y coord, latlng, lat lon, geopoint",
    ),
    (
        DateOfBirth,
        "date of birth, date birth, birth date, birthdate, birthday, birth dt, birthdt, bdate, bday, dob, d o b, dob int, born, born on, birth, bdt, geburtsdatum, geb datum, gebdat, geb dat, geburtstag, geb, gebdatum, \
        date naissance, date de naissance, datenaiss, date naiss, naissance, ddn, dnaiss, data nascita, data di nascita, nascita, dt nascita, fecha nacimiento, fecha de nacimiento, fec nac, fechanac, f nacimiento, \
        nacimiento, data nascimento, data de nascimento, dt nasc, nascimento, datanasc, geboortedatum, geboorte, geb dat, gebdat, fodelsedatum, fodelsedag, fodd, foddat, data urodzenia, urodzenia, data ur, dataur, ur data",
    ),
    (
        DeathDate,
        "date of death, death date, date death, dod, deathdate, deceased date, deceased on, died, dt death, todesdatum, sterbedatum, verstorben am, date deces, deces, data morte, data decesso, \
        decesso, fecha muerte, fecha defuncion, defuncion, data obito, obito, overlijdensdatum, overlijden, dodsdatum, data zgonu, zgonu, expire date, deathtime",
    ),
    (
        AdmissionDate,
        "admission date, admit date, admit dt, admit time, admittime, admission, admission dt, adm date, admdt, adm dt, date admission, date of admission, aufnahmedatum, aufnahme, \
        date entree, data ricovero, ricovero, fecha ingreso, ingreso, data admissao, data internamento, admissao, opnamedatum, opname, inskrivningsdatum, inskrivning, data przyjecia, przyjecia, intime, hospital admit",
    ),
    (
        DischargeDate,
        "discharge date, discharge dt, disch date, dischdt, disch dt, dischtime, date discharge, discharged on, dc date, date of discharge, entlassungsdatum, entlassdatum, entlassung, date sortie, \
        data dimissione, dimissione, fecha alta, data alta, ontslagdatum, ontslag, utskrivningsdatum, utskrivning, data wypisu, wypisu, outtime",
    ),
    (
        VisitDate,
        "visit date, visit dt, date visit, encounter date, encounter dt, appointment, appointment date, appt date, appt dt, service date, dos, date of service, besuchsdatum, termin, date visite, \
        consultation date, date consultation, data visita, fecha visita, fecha consulta, data consulta, bezoekdatum, besoksdatum, data wizyty, wizyty, followup date, follow up date",
    ),
    (
        Date,
        "date, datum, data, fecha, dt, timestamp, datetime, charttime, chartdate, starttime, endtime, start date, end date, created, created at, updated, updated at, sample date, specimen date, \
        collection date, collected, collected on, surgery date, procedure date, op datum, op date, diagnosis date, date diagnosis, date diagnostic, diagnosedatum, event date, test date, result date, lab date, order date, order time, \
        last seen, last contact, enrollment date, enrolment date, randomisation date, randomization date, date of, dtm, ts, storetime, onset, onset date, vaccination date, scan date, exam date, date prelevement",
    ),
    (
        Year,
        "year, yr, jahr, annee, anno, ano, jaar, ar, rok, year of birth, birth year, yob, geburtsjahr, annee naissance, anno nascita, geboortejaar, fodelsear, rok urodzenia, calendar year",
    ),
    (TimeOfDay, "time, time of day, uhrzeit, heure, ora, hora, tijd, tid, godzina, czas, clock"),
    (
        Age,
        "age, age years, age group, age band, age range, agegrp, ageband, age at, alter, altersgruppe, tranche age, eta, edad, idade, leeftijd, alder, wiek, grupa wiekowa, age yrs, age y, pat age",
    ),
    (
        Sex,
        "sex, gender, geschlecht, sexe, genre, sesso, sexo, genero, geslacht, kon, plec, gndr, sex code, m f",
    ),
    (
        Ethnicity,
        "ethnicity, race, ethnic, ethnic group, ethnic origin, ethnie, etnia, etniciteit, raza, raca, etnicitet, herkunft, origine, herkomst, pochodzenie, ethn",
    ),
    (
        Religion,
        "religion, faith, konfession, religione, religiao, godsdienst, wyznanie, religia, church",
    ),
    (
        MaritalStatus,
        "marital status, marital, maritalstatus, civil status, mar stat, familienstand, etat civil, situation familiale, stato civile, estado civil, burgerlijke staat, civilstand, civilstatus, stan cywilny",
    ),
    (
        Occupation,
        "occupation, job, job title, jobtitle, profession, employment, employer, beruf, tatigkeit, metier, emploi, professione, occupazione, lavoro, mestiere, profesion, ocupacion, trabajo, puesto, \
        profissao, ocupacao, emprego, beroep, functie, yrke, sysselsattning, zawod, stanowisko, occ, job desc, title job, work",
    ),
    (
        Username,
        "username, user name, user, login, login name, user id, userid, account name, benutzername, benutzer, benutzerkennung, utilisateur, identifiant, nom utilisateur, nome utente, utente, usuario, nombre usuario, \
        utilizador, gebruikersnaam, gebruiker, anvandarnamn, anvandare, uzytkownik, nazwa uzytkownika, handle, nickname, screen name, uname, usr, logon, entered by, created by",
    ),
    (
        IpAddress,
        "ip, ip address, ipaddr, ip addr, ip adresse, adresse ip, indirizzo ip, client ip, remote addr, last login from, host, ipv4, ipv6, src ip, direccion ip",
    ),
    (MacAddress, "mac, mac address, mac addr, hwaddr"),
    (
        DeviceId,
        "device id, device serial, device serial number, serial number, serial no, serial, sn, udi, implant serial, implant id, pacemaker id, imei, device, geratenummer, seriennummer, numero serie, num serie, numero de serie, \
        matricola, serienummer, numer seryjny, device no, device identifier, dev id, implant, apparaat, equipment id",
    ),
    (
        VehicleId,
        "vin, vehicle id, vehicle identification, vehicle, fahrgestellnummer, chassis, chassis no, telaio, bastidor",
    ),
    (
        Plate,
        "plate, license plate, licence plate, number plate, plate no, registration plate, car reg, reg plate, vehicle reg, kennzeichen, immatriculation, plaque, targa, matricula, kenteken, registreringsnummer, regnr, \
        regnummer, numer rejestracyjny, tablica, car plate, lic plate, veh plate",
    ),
    (
        Iban,
        "iban, bank account, account, acc no, bank acct, bic iban, kontonummer, konto, kontonr, compte, compte bancaire, conto, conto corrente, cuenta, cuenta bancaria, conta, conta bancaria, rekening, rekeningnummer, \
        bankkonto, numer konta, rachunek, bban, routing, sort code, rib, bank acc",
    ),
    (
        CreditCard,
        "credit card, card, card number, card no, cc number, ccnum, cc num, cardno, kreditkarte, kartennummer, carte bancaire, carte credit, carta credito, tarjeta credito, tarjeta, cartao, cartao credito, creditcard, \
        kreditkort, kortnummer, karta, numer karty, payment card, pan",
    ),
    (
        Biometric,
        "fingerprint, biometric, biometric id, retina, iris scan, face id, voice print, voiceprint, photo, photograph, fingerabdruck, empreinte, impronta, huella, vingerafdruk, fingeravtryck, odcisk palca, faceprint, minutiae",
    ),
    (
        Pseudonym,
        "pseudonym, pseudo id, subject, subject id, subject key, subjectkey, subj id, subj, participant, participant id, study id, studyid, trial id, research id, pid, uid, uuid, guid, hash, pid hash, patient hash, pat key, patient key, patient uuid, \
        person id, personid, person key, encounter, encounter id, encounterid, hadm id, hadm, stay id, visit id, admission id, icustay id, uniquepid, link id, linkage key, record key, key, token, surrogate, surrogate key, study no, screening no, enrollment id, probanden id, sample id, specimen id, barcode, case key",
    ),
    (
        FreeText,
        "note, notes, comment, comments, remark, remarks, free text, freetext, text, narrative, report, summary, description, history, discharge summary, letter, message, bemerkung, bemerkungen, kommentar, freitext, notiz, befund, anamnese, \
        commentaire, commentaires, remarque, compte rendu, texte libre, nota, note cliniche, commento, commenti, referto, testo, observaciones, comentario, comentarios, notas, informe, texto, observacoes, relatorio, \
        opmerking, opmerkingen, notitie, toelichting, verslag, anteckning, anteckningar, uwagi, notatka, opis, komentarz, diagnosis text, dx note, clinical note, progress note",
    ),
    (
        Icd10,
        "icd 10, icd10, icd, icd code, diagnosis code, diag code, dx code, dx cd, diagnosecode, code cim, cim 10, cim10, cie 10, cie10, cid 10, icd10 code, diagnoseschlussel, kod icd",
    ),
    (Icd9, "icd 9, icd9, icd9 code, diag, diag 1, diag 2, diag 3, icd9cm"),
    (Atc, "atc, atc code, atccode, atc kod"),
    (Loinc, "loinc, loinc code, loinc num"),
    (Snomed, "snomed, snomed ct, sct, sctid, snomed code, concept id"),
    (
        Diagnosis,
        "diagnosis, dx, diagnose, diagnostic, diagnosi, diagnostico, diagnos, rozpoznanie, diagnoza, condition, disease, indication, reason, complaint, chief complaint, admission diagnosis, problem, dx text, dx desc, diag text, diag desc, symptom, finding text, morbidity",
    ),
    (
        Medication,
        "drug, drug name, medication, medication name, medicine, med, med name, medikament, arzneimittel, medicament, farmaco, medicamento, medicijn, geneesmiddel, lakemedel, lek, leki, prescription, generic, drug name generic, \
        product name, substance, wirkstoff, dci, item name, active ingredient, vaccine",
    ),
    (
        DrugCode,
        "ndc, ndc code, gsn, drug code, drug cd, rxnorm, rxcui, formulary, formulary drug cd, pzn, cip13, din, dmd, drug id, ean, gtin",
    ),
    (
        Dose,
        "dose, dosage, dose val, dose rx, strength, prod strength, dosis, dosierung, posologie, posologia, dosering, dos mg, dawka, drug dose",
    ),
    (Stage, "stage, tnm, tnm stage, stadium, stade, stadio, estadio, grade"),
    (
        BloodGroup,
        "blood group, blood type, bloodgroup, bloodtype, blutgruppe, groupe sanguin, gruppo sanguigno, grupo sanguineo, bloedgroep, blodgrupp, grupa krwi, abo, abo rh",
    ),
    (
        GeneticVariant,
        "variant, genotype, allele, mutation, snp, rsid, dna, rna, sequence, dna seq, gene, haplotype, hgvs, genome",
    ),
    (
        Insurer,
        "insurance, insurer, payer, payor, insurance type, krankenkasse, versicherung, assurance, assureur, assicurazione, aseguradora, seguradora, verzekeraar, forsakring, ubezpieczyciel, insurance name, plan type",
    ),
    (
        Organisation,
        "organisation, organization, org, org name, facility, facility name, hospital, hospital name, hospital id, hospitalid, site, site id, clinic, clinic name, provider org, practice, institution, company, center, centre, klinik, krankenhaus, \
        hopital, etablissement, ospedale, struttura, hospital centro, centro, ziekenhuis, instelling, sjukhus, szpital, placowka, lab site",
    ),
    (
        Department,
        "department, dept, ward, ward id, unit, unit type, unittype, specialty, speciality, service, medical specialty, station, abteilung, fachabteilung, fachrichtung, service medical, specialite, reparto, specialita, servicio, \
        especialidad, servico, especialidade, afdeling, specialisme, avdelning, specialitet, oddzial, specjalizacja, careunit, first careunit, icu type, room, bed",
    ),
    (
        VitalSign,
        "heart rate, heartrate, hr, pulse, puls, blood pressure, bp, sbp, dbp, systolic, diastolic, mean bp, meanbp, map, temp, temperature, respiratory rate, respiratoryrate, resp, resp rate, rr, spo2, sao2, o2sat, oxygen saturation, weight, height, bmi, thalach, trestbps, oldpeak, \
        gewicht, grosse, poids, taille, peso, altezza, altura, talla, langte, vikt, waga, wzrost, blutdruck, tension, pressione, presion, bloeddruk, blodtryck, cisnienie, temperatur, gcs, pain score",
    ),
    (
        LabValue,
        "hemoglobin, haemoglobin, hgb, hb, hct, hematocrit, wbc, rbc, plt, platelet, platelets, platelet count, mcv, mch, mchc, rdw, glucose, creatinine, crea, bun, urea, sodium, potassium, chloride, bicarbonate, calcium, magnesium, phosphate, albumin, bilirubin, ast, alt, alp, ggt, ldh, \
        crp, esr, inr, pt, ptt, aptt, ph, pco2, po2, lactate, troponin, cholesterol, chol, hdl, ldl, triglycerides, hba1c, tsh, ferritin, lab value, lab result, labresult, value num, valuenum, anion gap, psa, egfr, leukozyten, kreatinin, glukose, glycemie, creatininemie, glicemia, glucosa, creatinina, lymphocytes, neutrophils, basophils, eosinophils, monocytes",
    ),
    (
        TestName,
        "lab name, lab test, test name, test, labtest, label, lab label, analyte, parameter, assay, untersuchung, analyse, esame, prueba, exame, onderzoek, analys, badanie, component",
    ),
    (
        Unit,
        "units, unit of measure, uom, valueuom, unit lab, lab unit, einheit, unite, unita, unidad, unidade, eenheid, enhet, jednostka, unit lab value",
    ),
    (
        Duration,
        "los, length of stay, days, duration, duration days, time in hospital, follow up, followup days, survival, survival days, verweildauer, dauer, duree, durata, duracion, duracao, duur, czas trwania, hours, minutes, weeks, months, os days, pfs, futime",
    ),
    (
        Counter,
        "row, row id, row number, rowid, index, idx, line, seq, sequence number, seq num, specimen seq, accession seq, running number, lfd nr, counter",
    ),
    (
        Count,
        "count, number of, n visits, num visits, visits, num lab procedures, num medications, anzahl, nombre de, numero di, numero de, aantal, antal, liczba, n meds, total, quantity, qty",
    ),
    (
        Amount,
        "amount, cost, price, charge, charges, total cost, paid, betrag, kosten, montant, cout, importo, costo, importe, coste, valor, custo, bedrag, belopp, kostnad, kwota, koszt, fee, salary, income",
    ),
    (ProductCode, "isbn, issn, doi, pmid, ean13, upc, sku, ean code, publication"),
    (
        Technical,
        "mime, mime type, mimetype, content type, file name, filename, file, path, version, fw version, firmware, firmware version, software version, build, release, colour, color, hex colour, currency, cur, curr, waehrung, devise, valuta, moneda, moeda, waluta",
    ),
];
