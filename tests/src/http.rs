//! A web page per router and a browser for it, as small as both can be.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{clock, netns::Netns, worker::Worker};

/// Time that one request may take.
const LIMIT: Duration = Duration::from_secs(1);
/// How often the server looks for a connection.
const LOOK: Duration = Duration::from_millis(5);

/// Serves one page on port 80 of every address of a host, as long as this lives.
#[derive(Debug)]
pub struct Page {
    _worker: Worker<()>,
}

impl Page {
    /// Starts to serve `body`.
    ///
    /// # Errors
    /// If port 80 of the host is taken.
    pub fn serve(netns: &Netns, body: &str) -> Result<Self> {
        let listener = netns.run(|| {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 80)).context("port 80")?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        })?;
        let response = format!(
            "HTTP/1.0 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let worker = Worker::start(netns, "http", move |stop| {
            while stop.is_awaited() {
                match listener.accept() {
                    // A client that goes away is no concern of a server's.
                    Ok((client, _)) => drop(answer(client, &response)),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => clock::sleep(LOOK),
                    Err(error) => return Err(error).context("accept"),
                }
            }
            Ok(())
        })?;
        Ok(Self { _worker: worker })
    }
}

/// Fetches `http://address/` from a host and returns the page.
///
/// # Errors
/// If no complete page comes within a second.
pub fn get(netns: &Netns, address: Ipv4Addr) -> Result<String> {
    netns.run(|| {
        let server = SocketAddr::from((address, 80));
        let mut stream = TcpStream::connect_timeout(&server, LIMIT)
            .with_context(|| format!("connect to {server}"))?;
        stream.set_read_timeout(Some(LIMIT))?;
        write!(stream, "GET / HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut response = String::new();
        stream.read_to_string(&mut response).context("read")?;
        let Some(("HTTP/1.0 200 OK", rest)) = response.split_once("\r\n") else {
            bail!("not a page: {response:?}");
        };
        let (_, body) = rest.split_once("\r\n\r\n").context("no end of headers")?;
        Ok(body.to_owned())
    })
}

fn answer(mut client: TcpStream, response: &str) -> Result<()> {
    client.set_nonblocking(false)?;
    client.set_read_timeout(Some(LIMIT))?;
    let mut request = Vec::new();
    let mut chunk = [0; 512];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let length = client.read(&mut chunk)?;
        if length == 0 || request.len() > 8192 {
            bail!("not a request");
        }
        request.extend_from_slice(&chunk[..length]);
    }
    client.write_all(response.as_bytes())?;
    Ok(())
}
