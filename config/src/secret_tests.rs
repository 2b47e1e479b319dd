#![allow(clippy::unwrap_used)]

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

fn write(folder: &TempDir, name: &str, content: &[u8], mode: u32) {
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn ground(folder: &TempDir) -> Ground {
    let env = [("CREDENTIALS_DIRECTORY".to_owned(), folder.path().display().to_string())];
    Ground::new(folder.path(), &env, true)
}

#[test]
fn nobody_else_may_read_a_secret() {
    let folder = TempDir::new().unwrap();
    for (mode, reference, fit) in [
        (0o600, "f", true),
        (0o400, "f", true),
        (0o640, "f", false),
        (0o604, "f", false),
        (0o644, "f", false),
        (0o400, "credential:f", true),
        (0o440, "credential:f", true),
        (0o444, "credential:f", false),
        (0o460, "credential:f", false),
    ] {
        write(&folder, "f", b"hunter2\n", mode);
        let result = ground(&folder).file("k", reference, Role::Secret);
        assert_eq!(result.is_ok(), fit, "{reference} {mode:o}");
        if let Err(fault) = result {
            assert_eq!(fault.code, problem::SECRET_EXPOSED);
            assert_eq!(fault.hint.unwrap(), format!("chmod 600 {}", folder.path().join("f").display()));
        }
        // A certificate is no secret.
        write(&folder, "f", b"-----BEGIN CERTIFICATE-----\n", mode);
        assert!(ground(&folder).file("k", "f", Role::Certificates).is_ok());
    }
}

#[test]
fn content_must_be_a_secret() {
    let folder = TempDir::new().unwrap();
    let cases: [(&[u8], Role, Option<&str>); 9] = [
        (b"hunter2\r\n", Role::Secret, None),
        (b" \n", Role::Secret, Some(problem::SECRET_UNUSABLE)),
        (b"", Role::Secret, Some(problem::SECRET_UNUSABLE)),
        (b"one\ntwo\n", Role::Secret, Some(problem::SECRET_UNUSABLE)),
        (b"\xff\xfe", Role::Secret, Some(problem::SECRET_UNUSABLE)),
        (b"CHANGE_ME_please", Role::Secret, Some(problem::PLACEHOLDER)),
        (b"hunter2", Role::PrivateKey, Some(problem::SECRET_UNUSABLE)),
        (b"hunter2", Role::Certificates, Some(problem::SECRET_UNUSABLE)),
        (b"-----BEGIN EC PRIVATE KEY-----\n", Role::PrivateKey, None),
    ];
    for (content, role, code) in cases {
        write(&folder, "f", content, 0o600);
        let result = ground(&folder).file("k", "f", role);
        assert_eq!(result.as_ref().err().map(|fault| fault.code), code, "{content:?}");
        assert!(!format!("{result:?}").contains("hunter2"));
    }
}

#[test]
fn references_lead_to_files() {
    let folder = TempDir::new().unwrap();
    write(&folder, "f", b"hunter2", 0o600);
    fs::create_dir(folder.path().join("d")).unwrap();
    let file = folder.path().join("f");
    let ground = ground(&folder);
    assert_eq!(ground.file("k", "f", Role::Secret).unwrap(), file);
    assert_eq!(ground.file("k", file.to_str().unwrap(), Role::Secret).unwrap(), file);
    assert_eq!(ground.file("k", "credential:f", Role::Secret).unwrap(), file);
    for no in ["nowhere", "d", "credential:", "credential:../f", "credential:nowhere", "credential:.."] {
        assert_eq!(ground.file("k", no, Role::Secret).unwrap_err().code, problem::SECRET_UNUSABLE, "{no}");
    }
    let without = |needs| Ground::new(folder.path(), &[], needs).file("k", "credential:f", Role::Secret).unwrap_err();
    assert!(without(true).hint.unwrap().contains("LoadCredential=f:"));
    assert_eq!((without(true).code, without(false).code), (problem::SECRET_UNUSABLE, problem::CREDENTIAL_NOT_SEEN));
    let shell = Ground::new(folder.path(), &[], false);
    for no in ["nowhere", "credential:", "credential:../f"] {
        assert_eq!(shell.file("k", no, Role::Secret).unwrap_err().code, problem::SECRET_UNUSABLE, "{no}");
    }
}

#[test]
fn only_secrets_are_told_to_be_hidden() {
    let folder = TempDir::new().unwrap();
    for (role, is_secret) in [(Role::Secret, true), (Role::PrivateKey, true), (Role::Certificates, false), (Role::Withdrawn, false)] {
        let hint = ground(&folder).file("k", "not-there", role).unwrap_err().hint.unwrap();
        assert_eq!(hint.contains("0600"), is_secret, "{role:?}: {hint}");
    }
}

#[test]
fn a_huge_file_is_not_read() {
    let folder = TempDir::new().unwrap();
    write(&folder, "f", &vec![b'x'; SECRET_FILE_BYTES_MAX as usize + 1], 0o600);
    assert_eq!(ground(&folder).file("k", "f", Role::Secret).unwrap_err().code, problem::SECRET_UNUSABLE);
}
