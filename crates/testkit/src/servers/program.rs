//! Programs that have to be installed.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use super::ServerError;

/// A program to run, and where Debian has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    /// Where it may be besides the folders of `PATH`. `*` stands for a version: the newest counts.
    pub(super) folder: &'static str,
}

impl Program {
    /// Where it is.
    pub(super) fn find(self) -> Result<PathBuf, ServerError> {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path)
            .chain(newest(self.folder))
            .map(|folder| folder.join(self.name))
            .find(|file| is_executable(file))
            .ok_or_else(|| ServerError::Missing {
                program: self.name.to_owned(),
                package: self.package.to_owned(),
            })
    }
}

/// The folder, or what stands in its place if a version is part of its name.
fn newest(folder: &str) -> Option<PathBuf> {
    let Some((parent, rest)) = folder.split_once("/*/") else { return Some(folder.into()) };
    let version = |name: &OsStr| name.to_str()?.parse::<f64>().ok();
    let versions = fs::read_dir(parent).ok()?.filter_map(|entry| {
        let folder = entry.ok()?.path();
        Some((version(folder.file_name()?)?, folder))
    });
    versions.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, it)| it.join(rest))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::{Program, newest};

    #[test]
    fn a_program_is_found_in_the_path_and_in_its_folder() {
        let shell = Program { name: "sh", package: "dash", folder: "/nowhere" };
        assert!(shell.find().unwrap().ends_with("sh"));
        let own = Program { name: "exe", package: "linux", folder: "/proc/self" };
        assert_eq!(own.find().unwrap(), std::path::Path::new("/proc/self/exe"));
        let folder = Program { name: "self", package: "linux", folder: "/proc" };
        folder.find().unwrap_err();
    }

    #[test]
    fn the_newest_version_is_the_one_with_the_highest_number() {
        let parent = std::env::temp_dir().join(format!("lockout-program-{}", std::process::id()));
        for version in ["9.6", "15", "8", "other"] {
            std::fs::create_dir_all(parent.join(version).join("bin")).unwrap();
        }
        let found = newest(&format!("{}/*/bin", parent.display()));
        std::fs::remove_dir_all(&parent).unwrap();
        assert_eq!(found, Some(parent.join("15/bin")));
        assert_eq!(newest("/nowhere/*/bin"), None);
    }
}
