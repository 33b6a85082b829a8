#pragma once

/// What other rooms may use of retrieval: passages and corpus configurations, the models, the index (whose changes join
/// the transaction of the chunks they belong to), and finding passages.
#include "modules/retrieval/corpus_config.h"
#include "modules/retrieval/embedders.h"
#include "modules/retrieval/index_engine.h"
#include "modules/retrieval/retrieval_types.h"
#include "modules/retrieval/retriever.h"
