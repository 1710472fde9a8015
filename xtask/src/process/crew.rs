//! A crew: programs started by one command, each in a process group and log file of its own.
//! Whoever waits is woken by an end or by Ctrl-C; when the crew goes, all of it goes, also when
//! this process is killed, by a watchdog that notices.

use crate::checkout::Checkout;
use crate::environment;
use crate::failure::{Failure, Outcome, While, both};
use crate::process::board::Board;
use crate::process::identity::signal_group;
use crate::process::{last_lines, records, signals};
use crate::say;
use rustix::process::Signal;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a member may take to end after its stop signal before it is killed.
const GRACE: Duration = Duration::from_secs(15);
/// How often a condition that nobody announces is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How late, at worst, a death is told while nothing else happens.
const FOLLOW: Duration = Duration::from_secs(1);

/// A program that was started to stay. Its log and record carry its name.
struct Member {
    name: String,
    pid: u32,
    stop: Signal,
}

/// The programs of one command and the means to wait for them and to end them. Dropping it is the
/// only way in which a command stops what it started, so no early return can forget to.
pub(crate) struct Crew<'a> {
    pub(crate) checkout: &'a Checkout,
    folder: PathBuf,
    board: Arc<Board>,
    members: Mutex<Vec<Member>>,
    /// It reads a pipe that we hold: the pipe's end is the end of this process.
    watchdog: Child,
}

/// A program that is run to its end.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    /// False for what must not be cut short (dpkg): Ctrl-C then waits, a second one does not.
    pub(crate) interruptible: bool,
}

impl<'a> Crew<'a> {
    /// The caller holds the lock of this crew's name, so what is left of it has no master.
    pub(crate) fn assemble(checkout: &'a Checkout, name: &str) -> Outcome<Self> {
        records::sweep_crew(checkout, name);
        let folder = records::folder(checkout, name);
        fs::create_dir_all(&folder).while_doing(|| format!("making {}", folder.display()))?;
        let board = Arc::new(Board::default());
        let heard = Arc::clone(&board);
        signals::listen(move || heard.note_signal())?;
        let watchdog = watchdog(&folder)?;
        Ok(Self {
            checkout,
            folder,
            board,
            members: Mutex::default(),
            watchdog,
        })
    }

    /// Starts a program that is meant to live as long as the crew.
    pub(crate) fn start(&self, name: &str, command: &mut Command, stop: Signal) -> Outcome {
        let path = self.checkout.log(name);
        let log = File::create(&path).while_doing(|| format!("opening {}", path.display()))?;
        let again = log
            .try_clone()
            .while_doing(|| format!("opening {}", path.display()))?;
        let child = self.spawn(name, command.stdout(log).stderr(again), stop)?;
        lock(&self.members).push(Member {
            name: name.to_owned(),
            pid: child.id(),
            stop,
        });
        self.await_end(child);
        Ok(())
    }

    /// The process of a member.
    pub(crate) fn pid_of(&self, name: &str) -> Option<u32> {
        let members = lock(&self.members);
        let member = members.iter().rfind(|member| member.name == name);
        member.map(|member| member.pid)
    }

    /// Ends one member before the others, and returns when it has ended.
    pub(crate) fn dismiss(&self, name: &str) {
        let mut members = lock(&self.members);
        let gone: Vec<Member> = members
            .extract_if(.., |member| member.name == name)
            .collect();
        drop(members);
        for member in &gone {
            self.stop(member);
        }
    }

    /// Runs a program to its end. `output` reads its standard output, when it is given one.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        task: &Task,
        command: &mut Command,
        output: impl FnOnce(ChildStdout) -> T + Send + 'static,
    ) -> Outcome<(ExitStatus, T)> {
        let mut child = self.spawn(task.name, command.stdout(Stdio::piped()), Signal::TERM)?;
        let pid = child.id();
        let Some(stdout) = child.stdout.take() else {
            return Err(Failure::new(format!("{} has no output", task.name)));
        };
        let reader = std::thread::spawn(move || output(stdout));
        self.await_end(child);
        let status = self.until_ended(pid, task);
        // What a killed cargo leaves behind (test programs) is in its group.
        signal_group(pid, Signal::KILL);
        records::remove(&self.folder, task.name);
        let read = reader
            .join()
            .map_err(|_| Failure::new(format!("reading the output of {} failed", task.name)))?;
        Ok((status?, read))
    }

    /// Waits until `ready` says so; a death, Ctrl-C or the deadline end the wait with an error.
    pub(crate) fn wait_until(
        &self,
        what: &str,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Outcome {
        let deadline = environment::now() + limit;
        while !ready() {
            self.check_alive()?;
            if environment::now() >= deadline {
                return Err(Failure::new(format!(
                    "{what} is not ready after {} s",
                    limit.as_secs()
                ))
                .advice(format!(
                    "Its log is in {}.",
                    self.checkout.shown(&self.checkout.state.join("logs"))
                )));
            }
            self.board.wait_for_change(LOOK);
        }
        Ok(())
    }

    /// Returns when a signal asks to stop; the end of a member is an error that shows its log.
    pub(crate) fn follow(&self) -> Outcome {
        while !self.board.is_asked_to_stop() {
            self.check_alive()?;
            self.board.wait_for_change(FOLLOW);
        }
        Ok(())
    }

    /// Runs two pieces of work at once; when one fails, the other is not waited for in vain.
    pub(crate) fn side_by_side<A: Send, B>(
        &self,
        one: impl FnOnce() -> Outcome<A> + Send,
        other: impl FnOnce() -> Outcome<B>,
    ) -> Outcome<(A, B)> {
        std::thread::scope(|scope| {
            let one = scope.spawn(|| self.or_abandon(one()));
            let other = self.or_abandon(other());
            let one = one
                .join()
                .unwrap_or_else(|_| Err(Failure::new("a thread of this program panicked")));
            both(one, other)
        })
    }

    /// The other side learns of a failure at its next wait, not after its own work.
    fn or_abandon<T>(&self, result: Outcome<T>) -> Outcome<T> {
        if result.is_err() {
            self.board.abandon();
        }
        result
    }

    /// Runs a program that has something to say to the person who waits.
    pub(crate) fn run_shown(&self, task: &Task, command: &mut Command) -> Outcome {
        let copy = |mut stdout: ChildStdout| std::io::copy(&mut stdout, &mut std::io::stderr());
        let (status, _) = self.run(task, command, copy)?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::new(format!("{} failed ({status})", task.name)).why("what it said is above"))
    }

    /// Lets the members live on without this process.
    pub(crate) fn release(&self) {
        for member in lock(&self.members).drain(..) {
            records::remove(&self.folder, &member.name);
        }
    }

    /// An error when a member has ended or a signal asks to stop.
    pub(crate) fn check_alive(&self) -> Outcome {
        if self.board.is_stopping() {
            return Err(Failure::interrupted());
        }
        for member in lock(&self.members).iter() {
            if let Some(status) = self.board.status_of(member.pid) {
                let log = self.checkout.log(&member.name);
                return Err(Failure::new(format!("{} died ({status})", member.name))
                    .why(format!("its last lines were\n{}", last_lines(&log)))
                    .advice(format!(
                        "The whole log is in {}.",
                        self.checkout.shown(&log)
                    )));
            }
        }
        Ok(())
    }

    fn spawn(&self, name: &str, command: &mut Command, stop: Signal) -> Outcome<Child> {
        // A group of its own: a signal reaches the program with all that it started, and Ctrl-C in
        // the terminal reaches only us, who stop things in order.
        let child = command.stdin(Stdio::null()).process_group(0).spawn();
        let program = command.get_program().to_string_lossy().into_owned();
        let child = child.while_doing(|| format!("starting {program}"))?;
        records::write(&self.folder, name, child.id(), stop);
        Ok(child)
    }

    /// A thread per program reaps it: std has no way to wait for several at once.
    fn await_end(&self, mut child: Child) {
        let board = Arc::clone(&self.board);
        std::thread::spawn(move || {
            let pid = child.id();
            if let Ok(status) = child.wait() {
                board.note_end(pid, status);
            }
        });
    }

    /// Passes requests to stop on to the program; the caller learns that its result does not count.
    fn until_ended(&self, pid: u32, task: &Task) -> Outcome<ExitStatus> {
        let status = self
            .board
            .wait_for_end(pid, |signals| match (task.interruptible, signals) {
                (_, 2..) => signal_group(pid, Signal::KILL),
                (true, _) => signal_group(pid, Signal::TERM),
                (false, _) => say::note(&format!(
                    "{} must not be cut short; waiting for it",
                    task.name
                )),
            });
        if self.board.is_stopping() {
            Err(Failure::interrupted())
        } else {
            Ok(status)
        }
    }

    /// The program's own signal first; it is killed only when it ignores that, or the person insists.
    fn stop(&self, member: &Member) {
        let pid = member.pid;
        if self.board.status_of(pid).is_none() {
            signal_group(pid, member.stop);
            if !self.board.ends_by(pid, environment::now() + GRACE) {
                say::note(&format!("{} does not stop; killing it", member.name));
                signal_group(pid, Signal::KILL);
                self.board.ends_by(pid, environment::now() + GRACE);
            }
        }
        // What the program itself has started and left is in its group still.
        signal_group(pid, Signal::KILL);
        records::remove(&self.folder, &member.name);
    }
}

/// Last in, first out: services stop before the servers that they use.
impl Drop for Crew<'_> {
    fn drop(&mut self) {
        let members = std::mem::take(&mut *lock(&self.members));
        for member in members.iter().rev() {
            self.stop(member);
        }
        let _ = fs::remove_dir(&self.folder);
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

/// This program again, in a group of its own: it sleeps until we end, then sweeps what we left.
fn watchdog(folder: &Path) -> Outcome<Child> {
    let program = std::env::current_exe().while_doing(|| "finding this program".into())?;
    let mut command = Command::new(program);
    command.arg("sweep").arg(folder).process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
        .spawn()
        .while_doing(|| "starting the watchdog".into())
}

/// A panic elsewhere must not keep the crew from being stopped.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
