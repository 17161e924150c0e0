//! A function in Rust: a program that asks the Runtime API for events, with nothing but the standard library.
//! Those who can download crates write `lambda_runtime::run` instead.

use std::io::{Read, Write};
use std::net::TcpStream;

/// The event is JSON and so is the answer, which has the event in it.
fn handle(event: &str) -> String {
    println!("Greeting {event}");
    format!(r#"{{"statusCode": 200, "body": "Hello from Rust", "event": {event}}}"#)
}

/// One request to the Runtime API: the answer's head and body.
fn call(api: &str, method: &str, path: &str, body: &str) -> std::io::Result<(String, String)> {
    let mut socket = TcpStream::connect(api)?;
    let length = body.len();
    write!(
        socket,
        "{method} /2018-06-01/runtime/invocation/{path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.to_owned(), body.to_owned()))
}

fn main() -> std::io::Result<()> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API").expect("this program runs as an AWS Lambda function");
    loop {
        let (head, event) = call(&api, "GET", "next", "")?;
        let id = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("Lambda-Runtime-Aws-Request-Id"))
            .map(|(_, value)| value.to_owned())
            .expect("every event has an id");
        call(&api, "POST", &format!("{id}/response"), &handle(&event))?;
    }
}
