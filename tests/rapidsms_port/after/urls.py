from django.urls import include, path

urlpatterns = [path("rcs/", include("rcs_router.urls"))]
