// The one place where the TLS code of Asio is compiled (BOOST_ASIO_SEPARATE_COMPILATION); the rest of Asio stands in
// exec/asio_impl.cpp.
#include <boost/asio/ssl/impl/src.hpp>
