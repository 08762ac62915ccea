//! From flags, or from what an index remembers, to an embedder.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wfgy_core::{EmbedSchema, Embedder, GoldSet, Store};
use wfgy_embed::{
    ApiKey, BertEmbedder, BertOptions, OpenAiEmbedder, OpenAiOptions, OpenError,
    PrecomputedEmbedder, PrecomputedOptions, StaticEmbedder,
};
use wfgy_engine::Parts;
use wfgy_index::LocalIndex;

use crate::clock;
use crate::environment;
use crate::exit::Failure;
use crate::options::{EmbedderName, EmbedderSource};
use crate::say;

/// An embedder at hand.
pub(crate) struct Opened {
    /// It.
    pub embedder: Box<dyn Embedder>,
    /// The kind: `minilm`, `static`, `openai` or `precomputed`.
    pub name: &'static str,
    /// Whether it can embed any text; precomputed vectors cannot.
    pub embeds_any_text: bool,
    /// Which one it is, where the user did not say.
    pub notice: Option<String>,
}

impl Opened {
    fn new(name: &'static str, embedder: impl Embedder + 'static) -> Self {
        Self { embedder: Box::new(embedder), name, embeds_any_text: true, notice: None }
    }

    /// What an evaluation of `store` is made of, questions embedded and scored by this one.
    pub(crate) fn parts<'a>(&'a self, gold: &'a GoldSet, store: &'a dyn Store) -> Parts<'a> {
        Parts {
            gold,
            store,
            tokenizer: Some(self.embedder.tokenizer()),
            embedder: Some(self.embedder.as_ref()),
            scorer: self.embedder.as_ref(),
            embeds_any_text: self.embeds_any_text,
            scorer_embeds_any_text: self.embeds_any_text,
            cache: None,
        }
    }
}

/// What is put before texts; `None` leaves it to the model's folder.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefixes {
    /// Before wordings.
    pub query: Option<String>,
    /// Before snippets and anchors.
    pub passage: Option<String>,
}

impl Prefixes {
    /// The built-in table takes none: one that is asked for must not be dropped in silence.
    fn refuse(&self) -> Result<(), Failure> {
        let asked = |prefix: &Option<String>| prefix.as_ref().is_some_and(|text| !text.is_empty());
        let named = [("--query-prefix", &self.query), ("--passage-prefix", &self.passage)];
        match named.iter().find(|(_, prefix)| asked(prefix)) {
            None => Ok(()),
            Some((flag, _)) => Err(Failure::input(format!(
                "{flag}: the embedder static takes no prefix; leave it out, or name another --embedder"
            ))),
        }
    }
}

/// The embedder that the flags name.
///
/// # Errors
/// Where it cannot be opened.
pub(crate) fn named(
    name: EmbedderName,
    source: &EmbedderSource,
    prefixes: &Prefixes,
) -> Result<Opened, Failure> {
    match name {
        EmbedderName::Auto => {
            let named = folder(source);
            let chosen =
                wfgy_embed::auto(named.as_deref(), default_folder().as_deref(), &bert(prefixes))
                    .map_err(failure)?;
            let is_table = chosen.embedder.identity().model_ver.starts_with("static@");
            if is_table {
                prefixes.refuse()?;
            }
            Ok(Opened {
                embedder: chosen.embedder,
                name: if is_table { "static" } else { "minilm" },
                embeds_any_text: true,
                notice: Some(chosen.notice),
            })
        }
        EmbedderName::Minilm => {
            let folder = folder(source).or_else(default_folder).ok_or_else(|| {
                Failure::input("--model: no folder named and no home folder known; name one")
            })?;
            Ok(Opened::new(
                "minilm",
                BertEmbedder::open(&folder, &bert(prefixes)).map_err(failure)?,
            ))
        }
        EmbedderName::Static => {
            prefixes.refuse()?;
            Ok(Opened::new("static", StaticEmbedder::new().map_err(failure)?))
        }
        EmbedderName::Openai => {
            let model = source.model.clone().ok_or_else(|| {
                Failure::input("--model: the openai embedder needs the service's model name")
            })?;
            service(&model, source, prefixes)
        }
        EmbedderName::Precomputed => precomputed(
            source,
            source.model.as_ref().map(|name| format!("precomputed:{name}")),
            prefixes,
        ),
    }
}

/// The embedder that an index was built with, once its pins agree.
///
/// # Errors
/// Where its parts were not given, cannot be opened, or are another embedder's.
pub(crate) fn of_index(index: &LocalIndex, source: &EmbedderSource) -> Result<Opened, Failure> {
    let manifest = index.manifest();
    let model_ver = manifest.identity.embed_model_ver.as_str();
    let opened = remembered(model_ver, &manifest.embedder.schema(), source)
        .map_err(|failure| of(index.name(), model_ver, failure))?;
    // The engine compares them too; here it is known before anything is stored.
    let pins = index.pins();
    pins.check_embedder(index.name(), opened.embedder.identity()).map_err(Failure::input)?;
    pins.check_tokenizer(index.name(), opened.embedder.tokenizer().version())
        .map_err(Failure::input)?;
    Ok(opened)
}

/// The embedder of an index beside another one, whose flags these are: those that this index does
/// not use are left to the other.
///
/// # Errors
/// As [`of_index`].
pub(crate) fn of_other_index(
    index: &LocalIndex,
    source: &EmbedderSource,
) -> Result<Opened, Failure> {
    let used = used(&index.manifest().identity.embed_model_ver);
    let source = EmbedderSource {
        model: source.model.clone().filter(|_| used == Some(MODEL)),
        embedder_url: source.embedder_url.clone().filter(|_| used == Some(SERVICE)),
        vectors: source.vectors.clone().filter(|_| used == Some(VECTORS)),
        embed_timeout: source.embed_timeout,
    };
    of_index(index, &source)
}

const MODEL: &str = "--model";
const SERVICE: &str = "--embedder-url";
const VECTORS: &str = "--vectors";

/// The flag that says where the parts of an embedder are; the built-in table has none.
fn used(model_ver: &str) -> Option<&'static str> {
    match model_ver {
        table if table.starts_with("static@") => None,
        service if service.starts_with("openai:") => Some(SERVICE),
        file if file.starts_with("precomputed") => Some(VECTORS),
        _ => Some(MODEL),
    }
}

fn remembered(
    model_ver: &str,
    schema: &EmbedSchema,
    source: &EmbedderSource,
) -> Result<Opened, Failure> {
    let prefixes = Prefixes {
        query: Some(schema.query_prefix.clone()),
        passage: Some(schema.passage_prefix.clone()),
    };
    only(source, used(model_ver))?;
    if model_ver.starts_with("static@") {
        return named(EmbedderName::Static, source, &prefixes);
    }
    if let Some(model) = model_ver.strip_prefix("openai:") {
        let model = model.split_once('=').map_or(model, |(asked, _)| asked);
        return service(model, source, &prefixes);
    }
    if model_ver.starts_with("precomputed") {
        let name = model_ver.starts_with("precomputed:").then(|| model_ver.to_owned());
        return precomputed(source, name, &prefixes);
    }
    named(EmbedderName::Minilm, source, &prefixes)
}

/// Refuses what this index would not use: it was meant for another embedder.
fn only(source: &EmbedderSource, used: Option<&str>) -> Result<(), Failure> {
    let given = [
        (MODEL, source.model.is_some()),
        (SERVICE, source.embedder_url.is_some()),
        (VECTORS, source.vectors.is_some()),
    ];
    match given.iter().find(|(flag, given)| *given && used != Some(*flag)) {
        None => Ok(()),
        Some((flag, _)) => {
            Err(Failure::input(format!("{flag}: it does not use this; leave it out")))
        }
    }
}

/// Says for which index an embedder was wanted.
fn of(index: &str, model_ver: &str, failure: Failure) -> Failure {
    let message = format!("{index} was built with embedder {model_ver}: {}", failure.message);
    Failure { message, ..failure }
}

fn service(model: &str, source: &EmbedderSource, prefixes: &Prefixes) -> Result<Opened, Failure> {
    let url = source.embedder_url.clone().ok_or_else(|| {
        Failure::input("--embedder-url: name the service, such as http://127.0.0.1:8080/v1")
    })?;
    let mut options = OpenAiOptions::new(url, model);
    let key = environment::KEY.read_text().filter(|key| !key.trim().is_empty());
    options.key = key.map(ApiKey::new);
    options.authorities = environment::AUTHORITIES.read().map(PathBuf::from);
    options.notice = std::io::stderr().is_terminal().then_some(say::note as fn(&str));
    options.query_prefix = prefixes.query.clone().unwrap_or_default();
    options.passage_prefix = prefixes.passage.clone().unwrap_or_default();
    let deadline = clock::within(Duration::from_secs(source.embed_timeout));
    Ok(Opened::new("openai", OpenAiEmbedder::open(options, deadline).map_err(failure)?))
}

fn precomputed(
    source: &EmbedderSource,
    model_ver: Option<String>,
    prefixes: &Prefixes,
) -> Result<Opened, Failure> {
    let vectors = source.vectors.as_ref().ok_or_else(|| {
        Failure::input("--vectors: precomputed vectors need FILE.npy, with FILE.ids beside it")
    })?;
    let options = PrecomputedOptions {
        model_ver,
        query_prefix: prefixes.query.clone().unwrap_or_default(),
        passage_prefix: prefixes.passage.clone().unwrap_or_default(),
    };
    let ids = PrecomputedEmbedder::ids_beside(vectors);
    let embedder = PrecomputedEmbedder::open(vectors, &ids, &options).map_err(failure)?;
    Ok(Opened {
        embedder: Box::new(embedder),
        name: "precomputed",
        embeds_any_text: false,
        notice: None,
    })
}

/// The folder that the user names. WFGY_MODEL names folders only: as the name of a service's
/// model it would end up in manifests.
fn folder(source: &EmbedderSource) -> Option<PathBuf> {
    let from_environment = || environment::MODEL.read().map(PathBuf::from);
    source.model.as_ref().map(PathBuf::from).or_else(from_environment)
}

fn bert(prefixes: &Prefixes) -> BertOptions {
    BertOptions { query_prefix: prefixes.query.clone(), passage_prefix: prefixes.passage.clone() }
}

/// Where `scripts/fetch_model.sh` puts the sentence encoder.
pub(crate) fn default_folder() -> Option<PathBuf> {
    let data = match environment::DATA.read() {
        Some(data) => PathBuf::from(data),
        None => Path::new(&environment::HOME.read()?).join(".local/share"),
    };
    Some(data.join("wfgy/models/all-MiniLM-L6-v2"))
}

fn failure(error: OpenError) -> Failure {
    match &error {
        OpenError::Service(error) => Failure::port(error),
        _ => Failure::input(error),
    }
}
