use crate::seam::{Seams, Storage};
use std::io::ErrorKind;

/// Asserts what [`Storage`] promises of what was not lost. It must be empty. What a crash may take is shown by the
/// tests of the implementation, as only it can crash.
pub async fn storage(seams: Seams) {
    let storage = &*seams.storage;
    assert!(storage.list().expect("a list").is_empty());
    reads_what_was_written(storage);
    lengths(storage);
    files_are_apart(storage);
    names(storage);
}

fn reads_what_was_written(storage: &dyn Storage) {
    let file = storage.open("data").expect("a new file");
    assert!(file.is_empty().expect("a length"), "a new file is empty");
    file.write(0, b"hello").expect("room");
    assert!(!file.is_empty().expect("a length"));
    file.write(3, b"p!?").expect("room");
    let mut content = [0; 6];
    file.read(0, &mut content).expect("six bytes");
    assert_eq!(&content, b"help!?");
    file.write(1000, b"x").expect("room");
    assert_eq!(file.len().expect("a length"), 1001);
    let mut gap = [1; 994];
    file.read(6, &mut gap).expect("the gap");
    assert_eq!(gap, [0; 994], "a gap reads as zeroes");
    let past = file.read(1000, &mut [0; 2]).map_err(|error| error.kind());
    assert_eq!(past, Err(ErrorKind::UnexpectedEof));
    file.read(1001, &mut []).expect("nothing can be read anywhere");
    file.sync().expect("a sync");
    drop(file);
    let mut again = [0; 5];
    let file = storage.open("data").expect("the file is there");
    file.read(0, &mut again).expect("five bytes");
    assert_eq!(&again, b"help!", "opening keeps the content");
}

fn lengths(storage: &dyn Storage) {
    let file = storage.open("lengths").expect("a new file");
    file.write(0, &[7; 100]).expect("room");
    file.set_len(50).expect("a cut");
    assert_eq!(file.len().expect("a length"), 50);
    file.set_len(60).expect("room");
    let mut tail = [1; 10];
    file.read(50, &mut tail).expect("ten bytes");
    assert_eq!(tail, [0; 10], "what was cut off does not come back");
}

fn files_are_apart(storage: &dyn Storage) {
    let (one, two) = (storage.open("one").expect("a new file"), storage.open("two").expect("a new file"));
    one.write(0, b"1").expect("room");
    two.write(0, b"2").expect("room");
    let mut content = [0];
    one.read(0, &mut content).expect("a byte");
    assert_eq!(&content, b"1");
    assert_eq!(storage.list().expect("a list"), ["data", "lengths", "one", "two"]);
    storage.remove("one").expect("it is there");
    storage.remove("one").expect("a missing file is no error");
    assert_eq!(storage.list().expect("a list"), ["data", "lengths", "two"]);
    assert!(storage.open("one").expect("a new file").is_empty().expect("a length"), "what was removed is gone");
}

fn names(storage: &dyn Storage) {
    for name in ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "é", "a b", "a\0", ".hidden"] {
        let kind = storage.open(name).err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::InvalidInput), "opening {name:?}");
        let kind = storage.remove(name).err().map(|error| error.kind());
        assert_eq!(kind, Some(ErrorKind::InvalidInput), "removing {name:?}");
    }
    drop(storage.open("a-Z_0.redb").expect("a good name"));
}
