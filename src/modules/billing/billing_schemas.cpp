#include "modules/billing/billing_api.h"

namespace nexus {

using billing::DeliveryPage;
using billing::DeliveryPath;
using billing::DeliveryView;
using billing::ListDeliveries;
using billing::WebhookTestResult;

template <>
const schema::Fields<WebhookTestResult>& schema::fields_of() {
  using namespace schema;
  static const Fields<WebhookTestResult> fields{
      field("sent", &WebhookTestResult::sent, doc("The receiver answered with a status below 400.")),
      field("status_code", &WebhookTestResult::status_code, doc("Of its answer; null when none came.")),
      field("delivery_id", &WebhookTestResult::delivery_id),
      field("message", &WebhookTestResult::message),
  };
  return fields;
}

template <>
const schema::Fields<ListDeliveries>& schema::fields_of() {
  using namespace schema;
  static const Fields<ListDeliveries> fields{
      query_field("tenant_id", &ListDeliveries::tenant_id,
                  doc("Another tenant's deliveries are for platform operators.")),
      query_field("state", &ListDeliveries::state, one_of({"pending", "delivered", "dead"})),
      query_field("limit", &ListDeliveries::limit, ge(1), le(200), defaulted()),
      query_field("cursor", &ListDeliveries::cursor, doc("next_cursor of the page before.")),
  };
  return fields;
}

template <>
const schema::Fields<DeliveryPath>& schema::fields_of() {
  using namespace schema;
  static const Fields<DeliveryPath> fields{path_field("delivery_id", &DeliveryPath::delivery_id)};
  return fields;
}

template <>
const schema::Fields<DeliveryView>& schema::fields_of() {
  using namespace schema;
  static const Fields<DeliveryView> fields{
      field("delivery_id", &DeliveryView::delivery_id),
      field("tenant_id", &DeliveryView::tenant_id),
      field("event_type", &DeliveryView::event_type),
      field("state", &DeliveryView::state, doc("pending, delivered, or dead: given up.")),
      field("attempts", &DeliveryView::attempts),
      field("status_code", &DeliveryView::status_code, doc("Of the last attempt; null when no answer came.")),
      field("last_error", &DeliveryView::last_error,
            doc("http_status, timeout, network_error, address_refused, invalid_url, response_too_large, breaker_open, "
                "client_busy, cancelled, not_configured or internal_error.")),
      field("created_at", &DeliveryView::created_at),
      field("last_attempt_at", &DeliveryView::last_attempt_at),
      field("next_attempt_at", &DeliveryView::next_attempt_at, doc("Null while an attempt runs and after the last.")),
      field("finished_at", &DeliveryView::finished_at),
  };
  return fields;
}

template <>
const schema::Fields<DeliveryPage>& schema::fields_of() {
  using namespace schema;
  static const Fields<DeliveryPage> fields{
      field("items", &DeliveryPage::items),
      field("next_cursor", &DeliveryPage::next_cursor),
  };
  return fields;
}

}  // namespace nexus
