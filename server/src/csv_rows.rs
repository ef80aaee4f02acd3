//! Rows of a CSV file, whatever wrote it: the encoding is found out, every fault is named by row and column.
//!
//! Spreadsheets here write UTF-8 with a byte order mark, UTF-8 without, or GBK, and a file put together from two of them
//! holds both. So the file is gone through twice: once to know its encoding from all of it, then row by row, with no more
//! memory than one row needs. What columns mean is the caller's. (Own splitting, because rows must be counted as a
//! spreadsheet does, blank ones too, and a quote that nobody closes must be said, not swallowed with all that follows.)

use crate::flows::problem::Violation;
use encoding_rs::GB18030;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// GB 18030, and so GBK and GB 2312, which it contains.
    Gb18030,
}

impl Encoding {
    /// By the name of a `charset`.
    pub fn named(name: &str) -> Option<Self> {
        match name.trim_matches('"').to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "gbk" | "gb2312" | "gb18030" | "cp936" => Some(Self::Gb18030),
            _ => None,
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GBK",
        }
    }

    fn read(self, cell: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(cell).ok().map(str::to_owned),
            Self::Gb18030 => GB18030.decode_without_bom_handling_and_without_replacement(cell).map(Into::into),
        }
    }
}

/// Something wrong with a file, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvFault {
    /// From 1, as a spreadsheet counts: 1 is the header.
    pub row: u64,
    /// Name of the column; its number from 1 in the header itself; empty: the whole row.
    pub column: String,
    /// Stable code.
    pub code: &'static str,
    /// For its sentence, `row` and `column` among them.
    pub params: Value,
}

impl CsvFault {
    /// A fault with `row` and `column` in its params.
    pub fn new(row: u64, column: &str, code: &'static str, params: Value) -> Self {
        let mut members = match params {
            Value::Object(members) => members,
            _ => serde_json::Map::new(),
        };
        members.insert("row".to_owned(), json!(row));
        members.insert("column".to_owned(), json!(column));
        Self { row, column: column.to_owned(), code, params: Value::Object(members) }
    }

    /// The same as a place in the request: `/<row>/<column>`.
    pub fn violation(&self) -> Violation {
        let column = self.column.replace('~', "~0").replace('/', "~1");
        let place = if column.is_empty() { format!("/{}", self.row) } else { format!("/{}/{column}", self.row) };
        Violation::new(&place, self.code, &self.params)
    }
}

/// A row under the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvRow {
    /// From 2, as a spreadsheet counts.
    pub row: u64,
    /// As many as the header has; an empty cell is an empty text.
    pub cells: Vec<String>,
}

/// The rows of a file, one at a time; rows with nothing in them are passed over. After a fault in one row the next one is
/// given, so that a caller may name several.
pub struct CsvRows<'a> {
    records: Records<'a>,
    encoding: Encoding,
    header: Vec<String>,
}

impl<'a> CsvRows<'a> {
    /// Goes through all of `file` to know its encoding (unless it is `said`), and reads the header. Cells are separated by
    /// commas, semicolons or tabs, whichever the header has most of.
    ///
    /// # Errors
    /// The first fault of encoding or quotes; no header, or a header with a column that has no name or another's.
    pub fn open(file: &'a [u8], said: Option<Encoding>) -> Result<Self, CsvFault> {
        if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
            return Err(CsvFault::new(1, "", "csv.utf16", Value::Null));
        }
        let marked = file.strip_prefix(b"\xef\xbb\xbf");
        let all = Records::of(marked.unwrap_or(file));
        let encoding = match said {
            Some(said) => said,
            None => found_out(all.clone(), marked.is_some())?,
        };
        let mut records = all;
        while records.advance()? {
            if records.cells().all(<[u8]>::is_empty) {
                continue;
            }
            let header = header(&records, encoding)?;
            return Ok(Self { records, encoding, header });
        }
        Err(CsvFault::new(1, "", "csv.empty", Value::Null))
    }

    /// The encoding.
    pub const fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Names of the columns.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    fn row(&self) -> Result<CsvRow, CsvFault> {
        let row = self.records.row;
        let found = self.records.ends.len();
        if found != self.header.len() {
            return Err(CsvFault::new(row, "", "csv.width", json!({"found": found, "wanted": self.header.len()})));
        }
        let cells = self.records.cells().zip(&self.header).map(|(cell, name)| text(cell, self.encoding, row, name));
        Ok(CsvRow { row, cells: cells.collect::<Result<_, _>>()? })
    }
}

impl Iterator for CsvRows<'_> {
    type Item = Result<CsvRow, CsvFault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.records.advance() {
                Err(fault) => return Some(Err(fault)),
                Ok(false) => return None,
                Ok(true) if self.records.cells().all(<[u8]>::is_empty) => {}
                Ok(true) => return Some(self.row()),
            }
        }
    }
}

fn header(records: &Records<'_>, encoding: Encoding) -> Result<Vec<String>, CsvFault> {
    let mut names = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, cell) in records.cells().enumerate() {
        let number = (index + 1).to_string();
        let name = text(cell, encoding, records.row, &number)?.trim().to_owned();
        if name.is_empty() {
            return Err(CsvFault::new(records.row, &number, "csv.no_name", Value::Null));
        }
        if !seen.insert(name.clone()) {
            return Err(CsvFault::new(records.row, &number, "csv.name_twice", json!({"name": name})));
        }
        names.push(name);
    }
    Ok(names)
}

fn text(cell: &[u8], encoding: Encoding, row: u64, column: &str) -> Result<String, CsvFault> {
    let wrong = |code| CsvFault::new(row, column, code, json!({"encoding": encoding.name()}));
    let text = encoding.read(cell).ok_or_else(|| wrong("csv.other_encoding"))?;
    // No database keeps NUL in a text.
    if text.contains('\0') { Err(wrong("csv.nul")) } else { Ok(text) }
}

/// The one encoding all cells can be read in.
///
/// Bytes that are UTF-8 with a character of three bytes or more are UTF-8: as GBK they would be a run of characters nobody
/// writes. Shorter ones may be either, and say nothing.
fn found_out(mut records: Records<'_>, marked: bool) -> Result<Encoding, CsvFault> {
    let mut sure: Option<(Encoding, u64, String)> = marked.then(|| (Encoding::Utf8, 1, "1".to_owned()));
    while records.advance()? {
        for (index, cell) in records.cells().enumerate().filter(|(_, cell)| !cell.is_ascii()) {
            let column = || (index + 1).to_string();
            let utf8 = std::str::from_utf8(cell).ok();
            let gb18030 = Encoding::Gb18030.read(cell).is_some();
            let here = match (utf8, gb18030) {
                (None, false) => {
                    return Err(CsvFault::new(records.row, &column(), "csv.no_encoding", Value::Null));
                }
                (None, true) => Encoding::Gb18030,
                (Some(text), true) if text.chars().all(|character| character.len_utf8() < 3) => continue,
                (Some(_), _) => Encoding::Utf8,
            };
            match &sure {
                Some((other, row, other_column)) if *other != here => {
                    let params = json!({
                        "encoding": here.name(), "other": other.name(), "other_row": row, "other_column": other_column,
                    });
                    return Err(CsvFault::new(records.row, &column(), "csv.mixed", params));
                }
                Some(_) => {}
                None => sure = Some((here, records.row, column())),
            }
        }
    }
    Ok(sure.map_or(Encoding::Utf8, |(encoding, ..)| encoding))
}

/// RFC 4180 on bytes. In UTF-8 and in GB 18030 no byte of a longer character is a separator, a quote or a line end.
#[derive(Clone)]
struct Records<'a> {
    rest: &'a [u8],
    separator: u8,
    /// Number of the current record.
    row: u64,
    /// Its cells, one after the other, without their quotes.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl<'a> Records<'a> {
    fn of(file: &'a [u8]) -> Self {
        let first = file.split(|byte| matches!(byte, b'\n' | b'\r')).find(|line| !line.is_empty()).unwrap_or_default();
        let count = |separator: &u8| first.iter().filter(|byte| *byte == separator).count();
        // The last of equals is taken: a comma, if nothing separates anything.
        let separator = [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',');
        Self { rest: file, separator, row: 0, bytes: Vec::new(), ends: Vec::new() }
    }

    fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
    }

    /// Goes to the next record; false: there is none.
    fn advance(&mut self) -> Result<bool, CsvFault> {
        self.bytes.clear();
        self.ends.clear();
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.row += 1;
        loop {
            if let Some(quoted) = self.rest.strip_prefix(b"\"") {
                self.rest = quoted;
                self.quoted()?;
            }
            let ends = |byte: &u8| *byte == self.separator || matches!(byte, b'\n' | b'\r');
            let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
            let (cell, rest) = self.rest.split_at(end);
            self.bytes.extend_from_slice(cell);
            self.ends.push(self.bytes.len());
            let Some((end, after)) = rest.split_first() else {
                self.rest = rest;
                return Ok(true);
            };
            self.rest = after;
            if *end != self.separator {
                if *end == b'\r' {
                    self.rest = after.strip_prefix(b"\n").unwrap_or(after);
                }
                return Ok(true);
            }
        }
    }

    /// Takes the text up to the quote that closes it; two quotes are one of the text.
    fn quoted(&mut self) -> Result<(), CsvFault> {
        loop {
            let Some(end) = self.rest.iter().position(|byte| *byte == b'"') else {
                self.rest = &[];
                let column = (self.ends.len() + 1).to_string();
                return Err(CsvFault::new(self.row, &column, "csv.quote", Value::Null));
            };
            let (text, rest) = self.rest.split_at(end);
            self.bytes.extend_from_slice(text);
            self.rest = rest.strip_prefix(b"\"").unwrap_or(rest);
            match self.rest.strip_prefix(b"\"") {
                Some(rest) => {
                    self.bytes.push(b'"');
                    self.rest = rest;
                }
                None => return Ok(()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn gbk(text: &str) -> Vec<u8> {
        GB18030.encode(text).0.into_owned()
    }

    fn read(file: &[u8]) -> Result<(Encoding, Vec<CsvRow>), CsvFault> {
        let rows = CsvRows::open(file, None)?;
        let encoding = rows.encoding();
        Ok((encoding, rows.collect::<Result<_, _>>()?))
    }

    #[track_caller]
    fn check(file: &[u8], encoding: Encoding, expected: &[(u64, &[&str])]) {
        let (found, rows) = read(file).expect("rows");
        let rows: Vec<(u64, Vec<&str>)> =
            rows.iter().map(|row| (row.row, row.cells.iter().map(String::as_str).collect())).collect();
        let expected: Vec<(u64, Vec<&str>)> = expected.iter().map(|(row, cells)| (*row, cells.to_vec())).collect();
        assert_eq!((found, rows), (encoding, expected));
    }

    #[track_caller]
    fn refused(file: &[u8], row: u64, column: &str, code: &str) -> CsvFault {
        let fault = read(file).expect_err("a fault");
        assert_eq!((fault.row, fault.column.as_str(), fault.code), (row, column, code), "{fault:?}");
        let detail = fault.violation().detail;
        for language in engine::text::LANGUAGES {
            let text = detail.0.get(language).expect(language);
            assert!(!text.is_empty() && !text.contains('{'), "{language}: {text}");
        }
        fault
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let file = "code,name\r\na1,门店\r\nb2,\"x, \"\"y\"\"\r\nz\"\r\n";
        let rows: &[(u64, &[&str])] = &[(2, &["a1", "门店"]), (3, &["b2", "x, \"y\"\r\nz"])];
        check(file.as_bytes(), Encoding::Utf8, rows);
        check(&[b"\xef\xbb\xbf".as_slice(), file.as_bytes()].concat(), Encoding::Utf8, rows);
        check(&gbk(file), Encoding::Gb18030, rows);
        check(b"code;price\n1;2,5\n", Encoding::Utf8, &[(2, &["1", "2,5"])]);
        check(b"code\tprice\r1\t2", Encoding::Utf8, &[(2, &["1", "2"])]);
        check(b"code\na\n", Encoding::Utf8, &[(2, &["a"])]);
        check(b"code,price\n1,\n", Encoding::Utf8, &[(2, &["1", ""])]);
    }

    #[test]
    fn blank_rows_are_counted_and_passed_over() {
        check(b"\ncode,price\n\n1,2\n,\n3,4\n", Encoding::Utf8, &[(4, &["1", "2"]), (6, &["3", "4"])]);
    }

    #[test]
    fn a_cell_that_could_be_either_follows_the_others() {
        // 模 in GBK is the two bytes of ģ in UTF-8.
        check(&gbk("name,city\n模,北京\n"), Encoding::Gb18030, &[(2, &["模", "北京"])]);
        check("name,city\nģ,北京\n".as_bytes(), Encoding::Utf8, &[(2, &["ģ", "北京"])]);
    }

    #[test]
    fn two_encodings_in_one_file_are_named_with_both_places() {
        let file = ["code,name\na,一号店\n".as_bytes(), gbk("b,二号店\n").as_slice()].concat();
        let fault = refused(&file, 3, "2", "csv.mixed");
        assert_eq!(fault.params["other_row"], 2);
        let detail = fault.violation().detail;
        assert!(detail.0["en"].contains("Row 3, column 2") && detail.0["en"].contains("row 2, column 2"), "{detail:?}");
        refused(&[gbk("code,name\na,一号店\n").as_slice(), "b,二号\n".as_bytes()].concat(), 3, "2", "csv.mixed");
        refused(&[b"\xef\xbb\xbfcode,name\n".as_slice(), gbk("a,一号店\n").as_slice()].concat(), 2, "2", "csv.mixed");
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_place() {
        refused(b"", 1, "", "csv.empty");
        refused(b"\n\n,,\n", 1, "", "csv.empty");
        refused(b"\xff\xfec\0o\0d\0e\0", 1, "", "csv.utf16");
        refused(b"code,name\na,\xff\xff\n", 2, "2", "csv.no_encoding");
        refused(b"code,,name\n", 1, "2", "csv.no_name");
        refused(b"code,name,code\n", 1, "3", "csv.name_twice");
        refused(b"code,name\na,b\nc\n", 3, "", "csv.width");
        refused(b"code,name\na,b,c\n", 2, "", "csv.width");
        refused(b"code,name\na,\"b\nc,d\n", 2, "2", "csv.quote");
        refused(b"code,name\na,b\0\n", 2, "name", "csv.nul");
    }

    #[test]
    fn an_encoding_that_was_said_is_held_to() {
        let file = gbk("code,name\na,一号店\n");
        let rows = CsvRows::open(&file, Encoding::named("GBK")).expect("a header");
        assert_eq!(rows.encoding(), Encoding::Gb18030);
        let mut rows = CsvRows::open(&file, Encoding::named("utf-8")).expect("a header");
        let fault = rows.next().expect("a row").expect_err("not UTF-8");
        assert_eq!((fault.row, fault.column.as_str(), fault.code), (2, "name", "csv.other_encoding"));
        assert_eq!(Encoding::named("latin1"), None);
    }

    #[test]
    fn after_a_faulty_row_the_next_is_given() {
        let rows = CsvRows::open(b"a,b\n1\n2,3\n", None).expect("a header");
        assert_eq!(
            rows.map(|row| row.map_err(|fault| fault.row)).collect::<Vec<_>>(),
            [Err(2), Ok(CsvRow { row: 3, cells: vec!["2".to_owned(), "3".to_owned()] })]
        );
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(
            rows in proptest::collection::vec(("[a-z0-9]{1,4}", "[ -~\u{4e00}-\u{9fa5}\n]{0,12}"), 0..8), in_gbk: bool,
        ) {
            let mut file = "key,text\n".to_owned();
            for (key, text) in &rows {
                file.push_str(&format!("{key},\"{}\"\n", text.replace('"', "\"\"")));
            }
            let bytes = if in_gbk { gbk(&file) } else { file.into_bytes() };
            let encoding = if in_gbk { Encoding::Gb18030 } else { Encoding::Utf8 };
            let read: Vec<CsvRow> = CsvRows::open(&bytes, Some(encoding)).unwrap().collect::<Result<_, _>>().unwrap();
            let read: Vec<(String, String)> =
                read.into_iter().map(|row| (row.cells[0].clone(), row.cells[1].clone())).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn any_bytes_give_rows_or_faults(file in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(rows) = CsvRows::open(&file, None) {
                let width = rows.header().len();
                for row in rows.flatten() {
                    prop_assert_eq!(row.cells.len(), width);
                }
            }
        }
    }
}
