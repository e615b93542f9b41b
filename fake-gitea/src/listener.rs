//! The port: listened on, refused, listened on again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use socket2::{Domain, Socket, Type};

/// A port of this machine that stays ours while nobody listens on it.
#[derive(Debug)]
pub(crate) struct Port {
    /// Bound and never listening: connections are refused, and nobody else gets the port.
    _keeper: Socket,
    address: SocketAddr,
}

/// A thread that accepts connections.
#[derive(Debug)]
pub(crate) struct Accepting {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
    address: SocketAddr,
}

impl Port {
    /// A free port.
    pub(crate) fn free() -> io::Result<Self> {
        let keeper = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = keeper.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("no address of the network"))?;
        Ok(Self {
            _keeper: keeper,
            address,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Calls `serve` with every connection, each on a thread of its own.
    pub(crate) fn listen<F>(&self, serve: F) -> io::Result<Accepting>
    where
        F: Fn(TcpStream) + Send + Sync + 'static,
    {
        let socket = bound(self.address)?;
        socket.listen(1024)?;
        let listener = TcpListener::from(socket);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let serve = Arc::new(serve);
        let thread = std::thread::spawn(move || {
            loop {
                let accepted = listener.accept();
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                // An error here is of one connection, not of the port.
                if let Ok((stream, _)) = accepted {
                    let serve = Arc::clone(&serve);
                    std::thread::spawn(move || serve(stream));
                }
            }
        });
        Ok(Accepting {
            stop,
            thread,
            address: self.address,
        })
    }
}

impl Accepting {
    /// Returns when connections are refused; those that were accepted go on.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread out of `accept`.
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.join();
    }
}

fn bound(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}
