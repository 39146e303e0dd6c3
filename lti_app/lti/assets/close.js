// Tells the Moodle page around this one that the registration is over (LTI dynamic registration 1.0, 3.6).
(function () {
  "use strict";
  var origin = document.currentScript.dataset.origin;
  (window.opener || window.parent).postMessage({ subject: "org.imsglobal.lti.close" }, origin);
})();
