//! Places in the text of policies.

/// Where each statement begins, in bytes. Statements end with a semicolon; texts in quotes and
/// comments may hold others.
pub(super) fn statements(text: &str) -> Vec<usize> {
    let mut starts = Vec::new();
    let (mut begun, mut quoted, mut comment) = (false, false, false);
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((offset, char)) = chars.next() {
        let next = chars.peek().map(|(_, next)| *next);
        match char {
            '\n' if comment => comment = false,
            _ if comment => {}
            '"' if quoted && before != '\\' => quoted = false,
            // What follows a pair of backslashes is not escaped.
            '\\' if quoted && before == '\\' => {
                before = ' ';
                continue;
            }
            _ if quoted => {}
            '/' if next == Some('/') => comment = true,
            ';' => begun = false,
            blank if blank.is_whitespace() => {}
            _ => {
                if !begun {
                    starts.push(offset);
                    begun = true;
                }
                quoted = char == '"';
            }
        }
        before = char;
    }
    starts
}

/// The line of an offset, from 1.
pub(super) fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_begin_behind_semicolons_that_are_code() {
        let text = "// no; nothing\n\n@id(\"a;\\\"b\\\\\")\npermit (x); // c;\nforbid (\";\");\n  ";
        let starts = statements(text);
        let begins: Vec<_> = starts.iter().map(|start| &text[*start..*start + 4]).collect();
        assert_eq!(begins, ["@id(", "forb"]);
        let lines: Vec<_> = starts.iter().map(|start| line(text, *start)).collect();
        assert_eq!(lines, [3, 5]);
        assert_eq!(statements(""), [0; 0]);
        assert_eq!(line("a", 99), 1);
    }
}
