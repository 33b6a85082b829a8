// The one place where the code of Asio is compiled (BOOST_ASIO_SEPARATE_COMPILATION); every other file sees
// declarations only. Asio's TLS stands in redis/asio_ssl.cpp, Beast in http/beast_impl.cpp.
#include <boost/asio/impl/src.hpp>
