//! Of files and folders what the standard library leaves to its users.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The folder that a file is in, or would be.
pub fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What a file is called, is so durably once the folder that it is in is on the disk.
pub fn sync_folder_of(file: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder_of(file))?.sync_all() } else { Ok(()) }
}

/// Bytes that may still be written in a folder, where that can be told.
#[cfg(unix)]
pub fn free(folder: &Path) -> Option<u64> {
    let system = rustix::fs::statvfs(folder).ok()?;
    Some(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Bytes that may still be written in a folder, where that can be told.
#[cfg(not(unix))]
pub fn free(_: &Path) -> Option<u64> {
    None
}

/// By which a file is told from others, whatever it is called: device and inode.
pub type Identity = (u64, u64);

pub fn identity(path: &Path) -> Option<Identity> {
    look(path).map(|(identity, _)| identity)
}

/// Which file is there, and how many bytes it has.
#[cfg(unix)]
pub fn look(path: &Path) -> Option<(Identity, u64)> {
    use std::os::unix::fs::MetadataExt;
    #[cfg(target_os = "linux")]
    if let Some(known) = look_alone(path) {
        return Some(known);
    }
    fs::metadata(path).ok().map(|file| ((file.dev(), file.ino()), file.len()))
}

/// The same without a look at the file's times. Since Linux 6.13 the first write after such a look stamps the file with a time
/// of its own, and a sync then has to write that, too.
#[cfg(target_os = "linux")]
fn look_alone(path: &Path) -> Option<(Identity, u64)> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, makedev, statx};
    let file = statx(CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::SIZE).ok()?;
    Some(((makedev(file.stx_dev_major, file.stx_dev_minor), file.stx_ino), file.stx_size))
}

/// Other systems don't let open files be deleted, so whether one is there is enough.
#[cfg(not(unix))]
pub fn look(path: &Path) -> Option<(Identity, u64)> {
    fs::metadata(path).ok().map(|file| ((0, 0), file.len()))
}

/// Whether there is a file with something in it.
pub fn has_bytes(path: &Path) -> bool {
    look(path).is_some_and(|(_, length)| length > 0)
}

/// Reads what a file begins with, without a move in it.
#[cfg(unix)]
pub fn read_start(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

/// Reads what a file begins with.
#[cfg(not(unix))]
pub fn read_start(mut file: &File, bytes: &mut [u8]) -> io::Result<()> {
    use std::io::{Read, Seek};
    file.rewind()?;
    file.read_exact(bytes)
}

/// Has a file that takes the place of another belong to who has that. It is given by what is open, and not by its name, which
/// could be a link by now.
#[cfg(unix)]
pub fn keep_owner(file: &File, before: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let made = file.metadata()?;
    let change = |before, made| Some(before).filter(|before| *before != made);
    match (change(before.uid(), made.uid()), change(before.gid(), made.gid())) {
        (None, None) => Ok(()),
        (user, group) => fchown(file, user, group),
    }
}

#[cfg(not(unix))]
pub fn keep_owner(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Has a file that was just made belong to who has its folder, if that is somebody else and the system lets us: what root makes
/// for a server.
#[cfg(unix)]
pub fn give_to_owner(folder: &Path, made: &File) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let folder = fs::metadata(folder)?;
    if folder.uid() == made.metadata()?.uid() {
        return Ok(());
    }
    match keep_owner(made, &folder) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        given => given,
    }
}

#[cfg(not(unix))]
pub fn give_to_owner(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// A second name for a file, or where the file system has none, a second file; `name` must be nobody's.
pub fn second_name(file: &Path, name: &Path) -> io::Result<()> {
    match fs::hard_link(file, name) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            fs::copy(file, name)?;
            File::open(name)?.sync_all()
        }
        linked => linked,
    }
}
