#[derive(thiserror::Error, Clone, Debug, PartialEq, Eq)]
pub enum LinkError {
    #[error("{url:?} is no hub's address ({why}); give it as http://host:port")]
    Url { url: String, why: String },
    #[error("the link's thread did not start: {0}")]
    Thread(String),
    #[error("{url}: {why}; is the hub running?")]
    Fetch { url: String, why: String },
    #[error("{url}: the hub answered {status}: {body}")]
    Status { url: String, status: u16, body: String },
    #[error("{url}: the answer has more than {max} bytes")]
    TooLarge { url: String, max: usize },
    #[error("too much is being asked for at once; try again")]
    Busy,
}
