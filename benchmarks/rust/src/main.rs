//! The works of apps/bare.py with axum on AWS's Rust runtime, with response streaming.

use std::{env, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Path,
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::get,
    Router,
};
use futures_util::stream::{self, Stream, StreamExt};
use lambda_http::{run_with_streaming_response, tracing, Error};
use rustix::time::{clock_gettime, ClockId};
use tokio::runtime::Builder;

const SMALL: &str = r#"{"message":"hello from lambda","items":[1,2,3]}"#;
static CHUNK: [u8; 65536] = [b'x'; 65536];

async fn small() -> Response {
    ([(CONTENT_TYPE, "application/json")], SMALL).into_response()
}

async fn messages(Path(count): Path<usize>) -> Response {
    let bodies = stream::iter(0..count).map(|n| format!("data: message number {n:07}\n\n").into());
    streamed("text/event-stream", bodies)
}

/// Each message says when it was sent, by the clock that all processes share.
async fn paced(Path(count): Path<usize>) -> Response {
    let bodies = stream::iter(0..count).then(|_| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let now = clock_gettime(ClockId::Monotonic);
        let nanoseconds = now.tv_sec * 1_000_000_000 + now.tv_nsec;
        format!("data:{nanoseconds:020}    \n").into()
    });
    streamed("text/event-stream", bodies)
}

async fn chunks(Path(count): Path<usize>) -> Response {
    let bodies = stream::iter(0..count).map(|_| Bytes::from_static(&CHUNK));
    streamed("application/octet-stream", bodies)
}

fn streamed(
    content_type: &'static str,
    bodies: impl Stream<Item = Bytes> + Send + 'static,
) -> Response {
    let body = Body::from_stream(bodies.map(Ok::<Bytes, Error>));
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// `BENCH_ONE_THREAD=1` takes tokio's runtime of one thread. Without, it is the one of `#[tokio::main]`,
/// as AWS's examples have it.
fn main() -> Result<(), Error> {
    let mut runtime = match env::var_os("BENCH_ONE_THREAD") {
        Some(_) => Builder::new_current_thread(),
        None => Builder::new_multi_thread(),
    };
    runtime.enable_all().build()?.block_on(serve())
}

async fn serve() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let app = Router::new()
        .route("/small", get(small))
        .route("/messages/{count}", get(messages))
        .route("/paced/{count}", get(paced))
        .route("/chunks/{count}", get(chunks));
    run_with_streaming_response(app).await
}
