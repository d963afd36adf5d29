// The probe through AWS's own lambda_http, with response streaming.
use bytes::Bytes;
use futures::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use lambda_http::http::Response;
use lambda_http::{run_with_streaming_response, service_fn, Error, Request, RequestExt};
use std::{path::Path, process, time::Duration};

type Part = Result<Frame<Bytes>, Error>;
type Parts = std::pin::Pin<Box<dyn futures::Stream<Item = Part> + Send>>;

fn part(text: impl Into<Bytes>) -> Part {
    Ok(Frame::data(text.into()))
}

async fn wait(gate: String) {
    while !Path::new(&gate).exists() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn handle(request: Request) -> Result<Response<StreamBody<Parts>>, Error> {
    let path = request.uri().path().to_string();
    let gate = request.query_string_parameters().first("gate").unwrap_or("").to_string();
    let mut status = 200;
    let parts: Parts = match path.as_str() {
        "/stream" => {
            status = 201;
            Box::pin(stream::unfold(0, move |i| {
                let gate = gate.clone();
                async move {
                    if i > 0 {
                        wait(format!("{gate}.{}", i - 1)).await;
                    }
                    (i < 3).then(|| (part(format!("chunk {i}\n")), i + 1))
                }
            }))
        }
        "/throw" => return Err("thrown on purpose".into()),
        "/late" => Box::pin(stream::iter(vec![part("so far"), Err("late on purpose".into())])),
        "/sleep" => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            Box::pin(stream::iter(vec![]))
        }
        "/crash" => process::exit(3),
        "/large" => Box::pin(stream::iter(vec![part("x".repeat(7_000_000))])),
        "/log" => {
            println!("a line of the log");
            Box::pin(stream::iter(vec![part("logged")]))
        }
        other => Box::pin(stream::iter(vec![part(format!("hello from {other}"))])),
    };
    Ok(Response::builder()
        .status(status)
        .header("content-type", "text/plain")
        .header("x-from", "rust")
        .body(StreamBody::new(parts))?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    if std::env::var("INIT").as_deref() == Ok("exit") {
        process::exit(1);
    }
    run_with_streaming_response(service_fn(handle)).await
}
