/// One line of printable text, at most 512 characters of what a server sent.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(512).collect()
}
