//! What may stand in names and messages.

use crate::Post;

const NAME_CHARS_MAX: usize = 32;
const ID_BYTES_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 2000;

/// A room's name: 1 to 32 of `a-z`, `0-9` and `-`. It stands in paths, process names and keys.
///
/// # Errors
/// A sentence that says what does not fit.
pub fn check_room(name: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(fits) {
        return Err(format!("a room's name is 1 to {NAME_CHARS_MAX} of a-z, 0-9 and -"));
    }
    Ok(())
}

/// A person's name: 1 to 32 characters, none of them a control character, no space at either end.
///
/// # Errors
/// A sentence that says what does not fit.
pub fn check_sender(name: &str) -> Result<(), String> {
    let length = name.chars().count();
    if length == 0 || length > NAME_CHARS_MAX || name.trim() != name || name.chars().any(char::is_control) {
        return Err(format!("a sender's name is 1 to {NAME_CHARS_MAX} characters without spaces around them"));
    }
    Ok(())
}

/// A whole message: its sender, its id (1 to 64 of letters, digits, `-` and `_`) and 1 to 2000 characters of text.
///
/// # Errors
/// A sentence that says what does not fit.
pub fn check_post(post: &Post) -> Result<(), String> {
    check_sender(&post.sender)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if post.id.is_empty() || post.id.len() > ID_BYTES_MAX || !post.id.chars().all(fits) {
        return Err(format!("an id is 1 to {ID_BYTES_MAX} letters, digits, - and _"));
    }
    let length = post.text.chars().count();
    if post.text.trim().is_empty() || length > TEXT_CHARS_MAX {
        return Err(format!("a text is 1 to {TEXT_CHARS_MAX} characters, not only spaces; this one has {length}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rooms_name_fits_into_paths_and_keys() {
        for good in ["a", "lobby", "room-2", &"x".repeat(32)] {
            assert_eq!(check_room(good), Ok(()), "{good}");
        }
        for bad in ["", "Lobby", "a/b", "ä", "a b", &"x".repeat(33)] {
            assert!(check_room(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_senders_name_is_counted_in_characters() {
        assert_eq!(check_sender(&"é".repeat(32)), Ok(()));
        for bad in ["", " ada", "ada\n", "a\u{7}", &"é".repeat(33)] {
            assert!(check_sender(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_text_has_a_limit() {
        let post = |text: String| Post { sender: "ada".into(), id: "1".into(), text };
        assert_eq!(check_post(&post("x".repeat(2000))), Ok(()));
        assert!(check_post(&post("x".repeat(2001))).is_err());
        assert!(check_post(&post("  ".into())).is_err());
        assert!(check_post(&Post { id: "a/b".into(), ..post("x".into()) }).is_err());
    }
}
