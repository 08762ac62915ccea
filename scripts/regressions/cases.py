"""The cases: damages with their true cause, harmless rebuilds, and the undamaged twin of each.

A case makes its index from a `Bench` (see suite.py); its twin is the index that it is
compared with, and differs from it in the one thing that the case is named for.
"""

from dataclasses import dataclass

import corpora
import damage
import datasets


@dataclass
class Case:
    """`where` maps a collection to the embedders it is tried with; `cause` is empty for a harmless one."""

    name: str
    says: str
    cause: str
    where: dict
    make: object
    twin: object = None

    def harmless(self):
        return not self.cause


def good(bench):
    """What the collection gives with the embedder's own settings."""
    return bench.index("good", bench.corpus)


def of_corpus(change):
    """The case's index is that of a changed corpus."""
    return lambda bench, name: bench.index(name, change(bench.corpus))


def of_vectors(change, **identity):
    """The case's index is the good one with changed vectors, sealed."""
    return lambda bench, name: bench.sealed(name, good(bench), change, **identity)


def with_flags(flags, **settings):
    """The case's index is that of the same corpus, built with other flags."""
    return lambda bench, name: bench.index(name, bench.corpus, flags, **settings)


def times(n):
    """Chunks n times as long, or a quarter as long, with the overlap in the same ratio."""
    def make(bench, name):
        tokens, overlap = (int(part[1:]) for part in bench.collection.chunk.split("/"))
        return bench.index(name, bench.corpus, chunk="s%d/o%d" % (tokens * n, overlap * n))
    return make


def one_layer_less(bench, name):
    """Vectors of the encoder without its last layer, under the whole encoder's name."""
    other = bench.index("one-layer-less", bench.corpus, embedder="one-layer-less")
    return bench.sealed(name, good(bench), lambda values: damage.vectors(other))


def cut_elsewhere(bench, name):
    """Snippets cut by another tokenizer than the model's, embedded by the model all the same.

    The manifest names the model's tokenizer, as that of a pipeline does which cuts in one program
    and embeds in another.
    """
    cut = bench.index("cut-elsewhere", bench.corpus, embedder="syllables")
    made = bench.index("cut-elsewhere-embedded", damage.snippets(cut), chunk="none")
    return bench.sealed(name, cut, lambda values: damage.vectors(made),
                        TOK_VER=damage.identity(made)["TOK_VER"])


def analyzed(bench):
    """Questions and texts in small letters."""
    return bench.index("lower", bench.corpus, ["--analyzer", "lower"])


def not_analyzed(bench, name):
    """Texts as written under a manifest that sends questions through the analyzer."""
    return bench.sealed(name, bench.index("as-written", bench.corpus), lambda values: values,
                        ANALYZER_CONF="lower")


def summed(bench, name, metric):
    source = good(bench)
    tokens = damage.token_counts(source)
    return bench.sealed(name, source, lambda values: damage.summed(values, tokens),
                        NORM="none", metric=metric)


def white_space(bench, name):
    return bench.index(name, corpora.white_space(bench.corpus, bench.collection.quotes()))


def with_unrelated(bench, name):
    return bench.index(name, corpora.with_unrelated(bench.corpus, datasets.unrelated()))


HANDBOOK = {"handbook": ["static"]}
TEXTS = {"handbook": ["static"], "spans": ["static"]}
ALL = {"handbook": ["static"], "spans": ["static"], "scifact": ["static"]}
ENCODER = {"handbook": ["static", "minilm"], "spans": ["static"], "scifact": ["static"]}

DAMAGES = [
    Case("wrong-metric", "a model without normalisation, made for cosine, served by inner product",
         "metric_mismatch", {"handbook": ["unnormalised"]},
         with_flags(["--metric", "dot"]), with_flags(["--metric", "cosine"])),
    Case("no-normalisation", "sums of token vectors where unit vectors belong, inner product",
         "missing_normalisation", {"handbook": ["static"], "scifact": ["static"]},
         lambda bench, name: summed(bench, name, "dot")),
    Case("half-precision", "bfloat16 read as float16", "other_embedder", ALL,
         of_vectors(damage.misread_half)),
    Case("another-model", "vectors of a table distilled anew under the old one's name",
         "other_embedder", ALL, of_vectors(damage.other_axes)),
    Case("one-layer-less", "vectors of an encoder that lost its last layer",
         "other_embedder", {"handbook": ["minilm"]}, one_layer_less),
    Case("mixed-models", "every second vector from another model", "mixed_embedders", ALL,
         of_vectors(lambda values: damage.mixed(values, damage.other_axes(values)))),
    Case("truncated-text", "every section ends after 500 characters", "truncated_text", ENCODER,
         of_corpus(lambda corpus: corpora.truncated(corpus, 500))),
    Case("dropped-third", "every third document is gone", "missing_documents", ENCODER,
         of_corpus(corpora.dropped_third)),
    Case("stale-third", "every third document is an older revision", "stale_documents", ENCODER,
         of_corpus(corpora.stale_third)),
    Case("shuffled-ids", "every section under another one's id, text and vector together",
         "shuffled_ids", ALL, of_corpus(corpora.shuffled_ids)),
    Case("shuffled-vectors", "every vector under another snippet's id", "shuffled_ids", ALL,
         of_vectors(damage.shuffled)),
    Case("duplicated", "each document three times more under other ids", "near_duplicates", ENCODER,
         of_corpus(lambda corpus: corpora.duplicated(corpus, 3))),
    Case("chunks-x4", "chunks four times as long", "chunking", TEXTS, times(4)),
    Case("chunks-quarter", "chunks a quarter as long", "chunking",
         {"handbook": ["static", "minilm"], "spans": ["static"]}, times(0.25)),
    Case("case-one-side", "questions in small letters, texts as written, a model that tells them apart",
         "analyzer_drift", {"handbook": ["cased"]}, not_analyzed, lambda bench, name: analyzed(bench)),
    Case("other-tokenizer", "snippets cut by a tokenizer that makes more tokens of a text, under the name "
         "of the model's own", "tokenizer_drift", {"handbook": ["minilm"]}, cut_elsewhere),
    Case("merged-sections", "every two sections are one, so that half of the section ids which labels name "
         "are gone", "label_drift", {"handbook": ["static"]}, of_corpus(corpora.merged_sections)),
    Case("graph-ef-8", "a graph with m 4, ef-construction 8 and ef 8", "graph_loss",
         {"handbook": ["static"], "spans": ["static"], "scifact": ["static"]},
         with_flags(["--m", "4", "--ef-construction", "8", "--ef", "8"], ann="hnsw")),
    Case("partition-missing", "a run of a quarter of the documents is gone", "partition_missing", ENCODER,
         of_corpus(corpora.partition_missing)),
    Case("prefix-forgotten", "questions without the prefix that the model was trained with",
         "other_embedder", {"handbook": ["e5"]},
         of_vectors(lambda values: values, query_prefix="")),
    Case("boilerplate", "one banner in front of every title and text", "boilerplate", ALL,
         of_corpus(corpora.boilerplate)),
    Case("other-language", "every second document in German", "language_change", ENCODER,
         of_corpus(corpora.other_language)),
]

HARMLESS = [
    Case("re-run", "the same build again", "", ENCODER,
         lambda bench, name: bench.index(name, bench.corpus)),
    Case("other-threads", "built by one thread", "", ALL, with_flags(["--threads", "1"])),
    Case("other-kernel", "built on the portable kernel path", "", ALL,
         with_flags([], environment={"WFGY_KERNEL": "portable"})),
    Case("other-seed", "a graph whose levels and order of insertion have another seed", "", ALL,
         with_flags(["--ann-seed", "7"], ann="hnsw"),
         lambda bench, name: bench.index("graph", bench.corpus, ann="hnsw")),
    Case("other-document-order", "the same documents, last first", "", ALL,
         of_corpus(corpora.reversed_order)),
    Case("other-insertion-order", "a graph into which the documents went last first", "", ALL,
         lambda bench, name: bench.index(name, corpora.reversed_order(bench.corpus), ann="hnsw"),
         lambda bench, name: bench.index("graph", bench.corpus, ann="hnsw")),
    Case("other-chunk-ids", "an empty line before every text, so that every offset moves", "", ENCODER,
         of_corpus(corpora.moved_offsets)),
    Case("white-space", "other line ends, trailing blanks", "", ALL, white_space),
    Case("graph-parameters-up", "m 32, ef-construction 400, ef 256 in place of the defaults", "", ALL,
         with_flags(["--m", "32", "--ef-construction", "400", "--ef", "256"], ann="hnsw"),
         lambda bench, name: bench.index("graph", bench.corpus, ann="hnsw")),
    Case("unrelated-documents", "this project's own manual added", "", ENCODER, with_unrelated),
]

CASES = DAMAGES + HARMLESS
