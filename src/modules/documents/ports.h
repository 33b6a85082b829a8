#pragma once

/// What other rooms may use of documents: the rows of corpora and documents, and the store of source files.
#include "modules/documents/documents_repository.h"
#include "modules/documents/object_store.h"
#include "modules/documents/object_sweep.h"
