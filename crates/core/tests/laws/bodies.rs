//! What counts as a body of units: the table of docs/API.md, "What client APIs send".

use farol_core::status::{
    BodyError, MAX_KEY_BYTES, MAX_UNITS, Mapping, RawUnits, Status, parse_units,
};

fn parse(body: impl AsRef<[u8]>) -> Result<RawUnits, BodyError> {
    parse_units(body.as_ref(), &Mapping::builtin(Status::Available))
}

/// `key=status` pairs in the order sent, then the number of skipped entries.
fn read(body: impl AsRef<[u8]>) -> Result<(String, usize), BodyError> {
    let RawUnits { units, skipped } = parse(body)?;
    let pairs: Vec<String> = units
        .iter()
        .map(|unit| format!("{}={}", unit.key, unit.status))
        .collect();
    Ok((pairs.join(" "), skipped))
}

#[track_caller]
fn assert_reads(table: &[(&str, &str, usize)]) {
    for (body, pairs, skipped) in table {
        assert_eq!(read(body), Ok(((*pairs).to_owned(), *skipped)), "{body}");
    }
}

#[track_caller]
fn assert_refused(reason: BodyError, bodies: &[&str]) {
    for body in bodies {
        assert_eq!(read(body), Err(reason), "{body}");
    }
}

#[test]
fn the_four_shapes_are_read_in_the_order_sent() {
    assert_reads(&[
        (
            r#"[{"ref":"B","status":"sold"},{"ref":"A","status":"open"}]"#,
            "B=sold A=open",
            0,
        ),
        (r#"{"units":[{"ref":"A","status":"sold"}]}"#, "A=sold", 0),
        (
            r#"{"data":[{"ref":"A","status":"sold"}],"total":1}"#,
            "A=sold",
            0,
        ),
        (r#"{"B":"sold","A":"nonsense"}"#, "B=sold A=nonsense", 0),
        ("[]", "", 0),
        (r#" {"units":[]} "#, "", 0),
    ]);
}

#[test]
fn a_list_of_units_wins_over_one_of_data_and_both_over_a_flat_map() {
    assert_reads(&[
        (r#"{"data":[{"id":1}],"units":[{"id":2}]}"#, "2=", 0),
        (r#"{"A":"sold","status":"ok","data":[{"id":1}]}"#, "1=", 0),
        (r#"{"units":null,"data":[{"id":1}]}"#, "1=", 0),
        (
            r#"{"units":"sold","data":"open"}"#,
            "units=sold data=open",
            0,
        ),
    ]);
}

#[test]
fn the_key_is_the_first_field_that_is_text_or_a_number() {
    assert_reads(&[
        (
            r#"[{"unit_id":"c","id":"b","ref":"a","status":"s"}]"#,
            "a=s",
            0,
        ),
        (r#"[{"ref":"","id":"b","unit_id":"c"}]"#, "b=", 0),
        (r#"[{"ref":null,"id":false,"unit_id":"c"}]"#, "c=", 0),
        (r#"[{"ref":{"a":1},"id":["x"],"unit_id":7}]"#, "7=", 0),
        (r#"[{"ref":0,"id":"b"}]"#, "0=", 0),
        (r#"[{"ref":" ","id":"b"}]"#, " =", 0),
        (r#"[{"ref":"\u00e9\n"}]"#, "é\n=", 0),
    ]);
}

#[test]
fn numbers_become_text_as_they_stand() {
    assert_reads(&[
        (
            r#"[{"id":101,"status":1},{"id":1.50},{"id":-0},{"id":1E5,"status":2.0}]"#,
            "101=1 1.50= -0= 1E5=2.0",
            0,
        ),
        (
            r#"[{"id":123456789012345678901234567890},{"id":1e999}]"#,
            "123456789012345678901234567890= 1e999=",
            0,
        ),
    ]);
}

#[test]
fn a_status_is_any_scalar_and_missing_is_the_empty_word() {
    assert_reads(&[
        (
            r#"[{"id":1,"status":"Sold "},{"id":2,"status":true},{"id":3,"status":false}]"#,
            "1=Sold  2=true 3=false",
            0,
        ),
        (
            r#"[{"id":1},{"id":2,"status":null},{"id":3,"status":""}]"#,
            "1= 2= 3=",
            0,
        ),
    ]);
}

#[test]
fn one_bad_unit_is_skipped_and_the_others_are_read() {
    for bad in [
        "null",
        "7",
        "true",
        r#""A""#,
        "[]",
        r#"["A","B","C","sold"]"#,
        "{}",
        r#"{"ref":"","id":null}"#,
        r#"{"status":"sold"}"#,
        r#"{"id":2,"status":["sold"]}"#,
        r#"{"id":2,"status":{"code":"sold"}}"#,
        r#"{"id":2,"id":3}"#,
        r#"{"id":"\ud800"}"#,
        r#"{"id":2,"status":"\udc00"}"#,
    ] {
        let body = format!(r#"[{bad},{{"id":1,"status":"sold","x":[{{}}]}},{bad}]"#);
        assert_eq!(read(&body), Ok(("1=sold".to_owned(), 2)), "{bad}");
    }
}

#[test]
fn a_list_of_bad_units_alone_is_read_as_no_units() {
    assert_reads(&[(r#"["A101", {"name":"x"}]"#, "", 2)]);
}

#[test]
fn a_key_may_have_so_many_bytes_and_no_more() {
    let longest = "é".repeat(MAX_KEY_BYTES / 2);
    let body = format!(r#"[{{"id":"{longest}"}},{{"id":"{longest}x"}}]"#);
    assert_eq!(read(body), Ok((format!("{longest}="), 1)));
    let flat = format!(r#"{{"{longest}x":"sold","":"sold","A":"sold"}}"#);
    assert_eq!(read(flat), Ok(("A=sold".to_owned(), 2)));
}

#[test]
fn duplicates_stay_to_be_counted() {
    assert_reads(&[
        (
            r#"[{"id":"A","status":"a"},{"ref":"A","status":"b"}]"#,
            "A=a A=b",
            0,
        ),
        (r#"{"A":"sold","A":"open"}"#, "A=sold A=open", 0),
    ]);
}

#[test]
fn an_object_that_is_no_flat_map_has_the_wrong_shape() {
    assert_refused(
        BodyError::WrongShape,
        &[
            "{}",
            r#"{"A":"sold","B":1}"#,
            r#"{"A":"sold","B":null}"#,
            r#"{"A":"sold","B":{}}"#,
            r#"{"A":"sold","error":"closed"}"#,
            r#"{"message":"closed"}"#,
            r#"{"Message":"closed"}"#,
            r#"{"detail":"sold","A":"sold"}"#,
            r#"{"status":"available"}"#,
            r#"{"code":"open"}"#,
            r#"{"SUCCESS":"open"}"#,
            r#"{"A":"nonsense"}"#,
            r#"{"A":"\ud800"}"#,
            r#"{"units":{"A":"sold"}}"#,
            r#"{"data":{"units":[]}}"#,
            r#"{"items":[]}"#,
        ],
    );
}

#[test]
fn a_key_that_only_contains_a_reserved_word_is_a_unit() {
    assert_reads(&[(
        r#"{"status 1":"sold","errors":"x"}"#,
        "status 1=sold errors=x",
        0,
    )]);
}

#[test]
fn a_scalar_has_the_wrong_shape() {
    assert_refused(
        BodyError::WrongShape,
        &["null", "1", "-2.5e3", "true", r#""sold""#, "\n null \t"],
    );
}

#[test]
fn whatever_does_not_parse_to_its_end_is_not_json() {
    assert_refused(
        BodyError::NotJson,
        &[
            "",
            " ",
            "<html></html>",
            "[",
            r#"[{"id":1}"#,
            r#"[{"id":1}]]"#,
            r#"[{"id":1}] x"#,
            r#"{"A":"sold"} {}"#,
            r#"{"A":"sold",}"#,
            "[1,]",
            "[01]",
            "{'A':'sold'}",
            "null null",
            "\u{feff}\u{feff}[]",
            "[NaN]",
            "[\"\u{1}\"]",
        ],
    );
    for bytes in [
        &b"[\"\xff\"]"[..],
        b"\xff\xfe[\0]\0",
        b"[]\0",
        b"\xEF\xBB\xBF",
    ] {
        assert_eq!(read(bytes), Err(BodyError::NotJson), "{bytes:?}");
    }
}

#[test]
fn one_byte_order_mark_is_overlooked() {
    assert_reads(&[
        ("\u{feff}[{\"id\":1}]", "1=", 0),
        ("\u{feff} {\"A\":\"sold\"}", "A=sold", 0),
    ]);
}

#[test]
fn nesting_of_any_depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(read(&deep), Ok((String::new(), 1)));
    let inside = format!(r#"[{{"id":1,"x":{deep}}},{{"id":2,"status":{deep}}}]"#);
    assert_eq!(read(inside), Ok(("1=".to_owned(), 1)));
    assert_eq!(read("[".repeat(1_000_000)), Err(BodyError::NotJson));
    assert_eq!(
        read(r#"{"units":"#.repeat(100_000)),
        Err(BodyError::NotJson)
    );
    assert_eq!(
        read(format!(r#"{{"A":"sold","B":{deep}}}"#)),
        Err(BodyError::WrongShape)
    );
}

fn list_of(entries: usize, entry: &str) -> String {
    format!("[{}]", vec![entry; entries].join(","))
}

#[test]
fn the_limit_itself_is_allowed_and_one_more_is_too_many() {
    for entry in [r#"{"id":1,"status":"sold"}"#, "0"] {
        let full = parse(list_of(MAX_UNITS, entry)).unwrap();
        assert_eq!(full.units.len() + full.skipped, MAX_UNITS);
        let over = list_of(MAX_UNITS + 1, entry);
        assert_eq!(parse(&over), Err(BodyError::TooManyUnits));
        assert_eq!(
            parse(format!(r#"{{"data":{over}}}"#)),
            Err(BodyError::TooManyUnits)
        );
    }
}

#[test]
fn a_list_is_given_up_at_the_limit_without_reading_on() {
    let mut endless = list_of(MAX_UNITS + 1, "0");
    endless.pop();
    endless.push_str(", and then no JSON at all");
    assert_eq!(parse(endless), Err(BodyError::TooManyUnits));
}

#[test]
fn a_flat_map_has_the_same_limit() {
    let flat = |entries: usize, rest: &str| {
        let pairs: Vec<String> = (0..entries).map(|n| format!(r#""A{n}":"sold""#)).collect();
        format!("{{{}{rest}}}", pairs.join(","))
    };
    assert_eq!(parse(flat(MAX_UNITS, "")).unwrap().units.len(), MAX_UNITS);
    assert_eq!(parse(flat(MAX_UNITS + 1, "")), Err(BodyError::TooManyUnits));
    let with_a_list = flat(MAX_UNITS + 1, r#","units":[{"id":1}]"#);
    assert_eq!(parse(with_a_list).unwrap().units.len(), 1);
}
