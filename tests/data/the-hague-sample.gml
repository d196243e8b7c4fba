<?xml version="1.0" encoding="UTF-8"?>
<CityModel xmlns="http://www.opengis.net/citygml/1.0"
 xmlns:app="http://www.opengis.net/citygml/appearance/1.0"
 xmlns:bldg="http://www.opengis.net/citygml/building/1.0"
 xmlns:gen="http://www.opengis.net/citygml/generics/1.0"
 xmlns:dem="http://www.opengis.net/citygml/relief/1.0"
 xmlns:gml="http://www.opengis.net/gml"
 xmlns:xAL="urn:oasis:names:tc:ciq:xsdschema:xAL:2.0"
 xmlns:xlink="http://www.w3.org/1999/xlink"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:schemaLocation="http://www.opengis.net/citygml/appearance/1.0 http://www.citygml.org/citygml/appearance/1.0/appearance.xsd http://www.opengis.net/citygml/building/1.0 http://www.citygml.org/citygml/building/1.0/building.xsd http://www.opengis.net/citygml/generics/1.0 http://www.citygml.org/citygml/generics/1.0/generics.xsd http://www.opengis.net/citygml/relief/1.0 http://www.citygml.org/citygml/relief/1.0/relief.xsd ">
 <gml:description>Exported by tridicon CityGML Exporter. GTA Geoinformatik GmbH. (URL:www.tridicon.com)</gml:description>
 <gml:name>3D Stadtmodell</gml:name>
 <gml:boundedBy>
  <gml:Envelope srsName="urn:ogc:def:crs:EPSG::28992">
   <gml:lowerCorner>78248.66 457604.591 0</gml:lowerCorner>
   <gml:upperCorner>79036.025 458276.44 0</gml:upperCorner>
  </gml:Envelope>
 </gml:boundedBy>
 <cityObjectMember>
  <dem:ReliefFeature gml:id="tin_01">
   <dem:lod>2</dem:lod>
   <dem:reliefComponent>
    <dem:TINRelief gml:id="tin_01_Component_1">
     <dem:lod>2</dem:lod>
     <dem:tin>
      <gml:TriangulatedSurface gml:id="ground">
       <gml:trianglePatches>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78755.111 457614.969 8.392 78754.977 457604.995 8.405 78760.119 457609.895 8.384 78755.111 457614.969 8.392</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78745.035 457609.611 8.396 78754.274 457604.991 8.404 78755.111 457614.969 8.392 78745.035 457609.611 8.396</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78741.442 457611.407 8.403 78745.035 457609.611 8.396 78745.017 457614.905 8.396 78741.442 457611.407 8.403</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78754.274 457604.991 8.404 78754.977 457604.995 8.405 78755.111 457614.969 8.392 78754.274 457604.991 8.404</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78764.987 457615.013 8.304 78765.065 457615.095 8.303 78764.987 457615.174 8.303 78764.987 457615.013 8.304</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78734.446 457614.905 8.364 78734.995 457614.896 8.358 78734.935 457625.061 8.550 78734.446 457614.905 8.364</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78721.467 457621.395 8.328 78724.915 457619.671 8.415 78724.933 457624.926 8.361 78721.467 457621.395 8.328</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78727.982 457618.138 8.489 78734.446 457614.905 8.364 78734.935 457625.061 8.550 78727.982 457618.138 8.489</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78745.017 457614.905 8.396 78755.111 457614.969 8.392 78754.871 457625.164 8.308 78745.017 457614.905 8.396</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78734.995 457614.896 8.358 78745.017 457614.905 8.396 78744.961 457625.062 8.809 78734.995 457614.896 8.358</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78765.102 457624.996 8.175 78767.110 457617.245 8.218 78774.527 457625.043 7.915 78765.102 457624.996 8.175</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78744.961 457625.062 8.809 78745.017 457614.905 8.396 78754.871 457625.164 8.308 78744.961 457625.062 8.809</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78734.935 457625.061 8.550 78734.995 457614.896 8.358 78744.961 457625.062 8.809 78734.935 457625.061 8.550</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78755.111 457614.969 8.392 78764.987 457615.174 8.303 78765.102 457624.996 8.175 78755.111 457614.969 8.392</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78754.871 457625.164 8.308 78755.111 457614.969 8.392 78765.102 457624.996 8.175 78754.871 457625.164 8.308</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78884.593 457624.541 6.295 78884.880 457624.649 6.293 78884.876 457625.138 6.285 78884.593 457624.541 6.295</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78874.981 457625.016 6.423 78875.021 457625.014 6.422 78875.039 457634.807 6.509 78874.981 457625.016 6.423</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78864.079 457625.555 6.542 78865.076 457625.506 6.540 78866.236 457632.787 6.559 78864.079 457625.555 6.542</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78836.767 457626.905 6.937 78845.003 457626.498 6.803 78844.137 457634.982 6.781 78836.767 457626.905 6.937</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78875.531 457624.989 6.415 78884.171 457624.562 6.295 78884.930 457635.020 6.322 78875.531 457624.989 6.415</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78822.505 457627.610 7.216 78825.032 457627.485 7.202 78825.008 457634.693 7.347 78822.505 457627.610 7.216</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78844.137 457634.982 6.781 78846.894 457626.404 6.767 78854.723 457632.637 6.587 78844.137 457634.982 6.781</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78754.871 457625.164 8.308 78765.102 457624.996 8.175 78764.913 457634.909 8.054 78754.871 457625.164 8.308</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
        <gml:Triangle>
         <gml:exterior>
          <gml:LinearRing>
           <gml:posList srsDimension="3">78832.767 457627.102 7.057 78834.969 457626.994 7.044 78834.944 457634.967 7.313 78832.767 457627.102 7.057</gml:posList>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Triangle>
       </gml:trianglePatches>
      </gml:TriangulatedSurface>
     </dem:tin>
    </dem:TINRelief>
   </dem:reliefComponent>
  </dem:ReliefFeature>
 </cityObjectMember>

 <cityObjectMember>
  <bldg:Building gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31">
   <gml:name>{30262DEB-C932-44D4-98FF-46EAE4A6AE31}</gml:name>
   <gen:doubleAttribute name="RelativeEavesHeight"><gen:value>3.679</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteEavesHeight"><gen:value>12.002</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="RelativeRidgeHeight"><gen:value>3.679</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteRidgeHeight"><gen:value>12.002</gen:value></gen:doubleAttribute>
   <app:appearance>
    <app:Appearance>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.922 0.922 0.922</app:diffuseColor>
       <app:target>#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_1</app:target>
       <app:target>#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_2</app:target>
       <app:target>#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_3</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0 0</app:diffuseColor>
       <app:target>#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_4</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0.502 0.502</app:diffuseColor>
       <app:target>#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_GroundSurface</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
    </app:Appearance>
   </app:appearance>
   <bldg:roofType>1000</bldg:roofType>
   <bldg:lod2Solid>
    <gml:Solid>
     <gml:exterior>
      <gml:CompositeSurface>
       <gml:surfaceMember xlink:href="#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_1"/>
       <gml:surfaceMember xlink:href="#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_2"/>
       <gml:surfaceMember xlink:href="#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_3"/>
       <gml:surfaceMember xlink:href="#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_4"/>
       <gml:surfaceMember xlink:href="#GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_GroundSurface"/>
      </gml:CompositeSurface>
     </gml:exterior>
    </gml:Solid>
   </bldg:lod2Solid>
   <bldg:lod2TerrainIntersection>
    <gml:MultiCurve>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78466.504 457844.471 8.323</gml:pos>
       <gml:pos>78473.952 457843.965 8.421</gml:pos>
       <gml:pos>78474.738 457843.912 8.434</gml:pos>
       <gml:pos>78477.19 457843.745 8.465</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78466.504 457844.471 8.323</gml:pos>
       <gml:pos>78466.708 457844.681 8.326</gml:pos>
       <gml:pos>78470.701 457848.784 8.47</gml:pos>
       <gml:pos>78474.081 457852.257 8.467</gml:pos>
       <gml:pos>78478.21 457856.5 8.569</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78477.19 457843.745 8.465</gml:pos>
       <gml:pos>78477.256 457844.575 8.463</gml:pos>
       <gml:pos>78477.487 457847.457 8.5</gml:pos>
       <gml:pos>78478.21 457856.5 8.569</gml:pos>
      </gml:LineString>
     </gml:curveMember>
    </gml:MultiCurve>
   </bldg:lod2TerrainIntersection>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_1">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78477.19 457843.745 12.002</gml:pos>
           <gml:pos>78466.504 457844.471 12.002</gml:pos>
           <gml:pos>78466.504 457844.471 8.323</gml:pos>
           <gml:pos>78477.19 457843.745 8.323</gml:pos>
           <gml:pos>78477.19 457843.745 12.002</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_2">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78466.504 457844.471 12.002</gml:pos>
           <gml:pos>78478.21 457856.5 12.002</gml:pos>
           <gml:pos>78478.21 457856.5 8.323</gml:pos>
           <gml:pos>78466.504 457844.471 8.323</gml:pos>
           <gml:pos>78466.504 457844.471 12.002</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_3">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78478.21 457856.5 12.002</gml:pos>
           <gml:pos>78477.19 457843.745 12.002</gml:pos>
           <gml:pos>78477.19 457843.745 8.323</gml:pos>
           <gml:pos>78478.21 457856.5 8.323</gml:pos>
           <gml:pos>78478.21 457856.5 12.002</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:RoofSurface>
     <gen:doubleAttribute name="Slope"><gen:value>90</gen:value></gen:doubleAttribute>
     <gen:doubleAttribute name="Direction"><gen:value>183.897</gen:value></gen:doubleAttribute>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_4">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78478.21 457856.5 12.002</gml:pos>
           <gml:pos>78466.504 457844.471 12.002</gml:pos>
           <gml:pos>78477.19 457843.745 12.002</gml:pos>
           <gml:pos>78478.21 457856.5 12.002</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:RoofSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:GroundSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_30262DEB-C932-44D4-98FF-46EAE4A6AE31_GroundSurface">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78477.19 457843.745 8.323</gml:pos>
           <gml:pos>78466.504 457844.471 8.323</gml:pos>
           <gml:pos>78478.21 457856.5 8.323</gml:pos>
           <gml:pos>78477.19 457843.745 8.323</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:GroundSurface>
   </bldg:boundedBy>
  </bldg:Building>
 </cityObjectMember>

 <cityObjectMember>
  <bldg:Building gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2">
   <gml:name>{3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2}</gml:name>
   <gen:doubleAttribute name="RelativeEavesHeight"><gen:value>6.148</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteEavesHeight"><gen:value>11.38</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="RelativeRidgeHeight"><gen:value>9.508</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteRidgeHeight"><gen:value>14.739</gen:value></gen:doubleAttribute>
   <app:appearance>
    <app:Appearance>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.922 0.922 0.922</app:diffuseColor>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_1</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_2</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_3</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_4</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_5</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_6</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0 0</app:diffuseColor>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_7</app:target>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_8</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0.502 0.502</app:diffuseColor>
       <app:target>#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_GroundSurface</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
    </app:Appearance>
   </app:appearance>
   <bldg:roofType>1030</bldg:roofType>
   <bldg:lod2Solid>
    <gml:Solid>
     <gml:exterior>
      <gml:CompositeSurface>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_1"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_2"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_3"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_4"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_5"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_6"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_7"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_8"/>
       <gml:surfaceMember xlink:href="#GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_GroundSurface"/>
      </gml:CompositeSurface>
     </gml:exterior>
    </gml:Solid>
   </bldg:lod2Solid>
   <bldg:lod2TerrainIntersection>
    <gml:MultiCurve>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78637.137 457906.411 5.501</gml:pos>
       <gml:pos>78640.109 457909.857 5.269</gml:pos>
       <gml:pos>78640.785 457910.641 5.232</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78630.159 457912.49 5.581</gml:pos>
       <gml:pos>78631.284 457911.51 5.566</gml:pos>
       <gml:pos>78635.074 457908.209 5.56</gml:pos>
       <gml:pos>78637.137 457906.411 5.501</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78630.159 457912.49 5.581</gml:pos>
       <gml:pos>78632.194 457914.826 5.479</gml:pos>
       <gml:pos>78633.866 457916.746 5.398</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78633.866 457916.746 5.398</gml:pos>
       <gml:pos>78635.151 457915.613 5.38</gml:pos>
       <gml:pos>78636.052 457914.817 5.359</gml:pos>
       <gml:pos>78640.785 457910.641 5.232</gml:pos>
      </gml:LineString>
     </gml:curveMember>
    </gml:MultiCurve>
   </bldg:lod2TerrainIntersection>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_1">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
           <gml:pos>78637.137 457906.411 5.232</gml:pos>
           <gml:pos>78640.785 457910.641 5.232</gml:pos>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_2">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
           <gml:pos>78630.159 457912.49 5.232</gml:pos>
           <gml:pos>78637.137 457906.411 5.232</gml:pos>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_3">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
           <gml:pos>78633.866 457916.746 5.232</gml:pos>
           <gml:pos>78630.159 457912.49 5.232</gml:pos>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_4">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
           <gml:pos>78640.785 457910.641 5.232</gml:pos>
           <gml:pos>78633.866 457916.746 5.232</gml:pos>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_5">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
           <gml:pos>78633.648 457909.451 14.739</gml:pos>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_6">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
           <gml:pos>78637.326 457913.694 14.739</gml:pos>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:RoofSurface>
     <gen:doubleAttribute name="Slope"><gen:value>53.978</gen:value></gen:doubleAttribute>
     <gen:doubleAttribute name="Direction"><gen:value>130.846</gen:value></gen:doubleAttribute>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_7">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
           <gml:pos>78640.785 457910.641 11.38</gml:pos>
           <gml:pos>78637.326 457913.694 14.739</gml:pos>
           <gml:pos>78633.648 457909.451 14.739</gml:pos>
           <gml:pos>78637.137 457906.411 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:RoofSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:RoofSurface>
     <gen:doubleAttribute name="Slope"><gen:value>53.979</gen:value></gen:doubleAttribute>
     <gen:doubleAttribute name="Direction"><gen:value>310.986</gen:value></gen:doubleAttribute>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_8">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
           <gml:pos>78630.159 457912.49 11.38</gml:pos>
           <gml:pos>78633.648 457909.451 14.739</gml:pos>
           <gml:pos>78637.326 457913.694 14.739</gml:pos>
           <gml:pos>78633.866 457916.746 11.38</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:RoofSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:GroundSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_3D7D60B9-8F3A-4D3B-A3E5-CD9B5565A5B2_GroundSurface">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78640.785 457910.641 5.232</gml:pos>
           <gml:pos>78637.137 457906.411 5.232</gml:pos>
           <gml:pos>78630.159 457912.49 5.232</gml:pos>
           <gml:pos>78633.866 457916.746 5.232</gml:pos>
           <gml:pos>78640.785 457910.641 5.232</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:GroundSurface>
   </bldg:boundedBy>
  </bldg:Building>
 </cityObjectMember>

 <cityObjectMember>
  <bldg:Building gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F">
   <gml:name>{45431801-B670-468F-9FE1-FF771669317F}</gml:name>
   <bldg:consistsOfBuildingPart>
  <bldg:BuildingPart gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1">
   <gml:name>{45431801-B670-468F-9FE1-FF771669317F}</gml:name>
   <gen:doubleAttribute name="RelativeEavesHeight"><gen:value>7.749</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteEavesHeight"><gen:value>14.297</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="RelativeRidgeHeight"><gen:value>7.749</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteRidgeHeight"><gen:value>14.297</gen:value></gen:doubleAttribute>
   <app:appearance>
    <app:Appearance>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.922 0.922 0.922</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_1</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_2</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_3</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_4</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0 0</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_5</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0.502 0.502</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_1_GroundSurface</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
    </app:Appearance>
   </app:appearance>
   <bldg:roofType>1000</bldg:roofType>
   <bldg:lod2Solid>
    <gml:Solid>
     <gml:exterior>
      <gml:CompositeSurface>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_1"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_2"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_3"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_4"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_5"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_1_GroundSurface"/>
      </gml:CompositeSurface>
     </gml:exterior>
    </gml:Solid>
   </bldg:lod2Solid>
   <bldg:lod2TerrainIntersection>
    <gml:MultiCurve>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78580.921 457839.408 8.242</gml:pos>
       <gml:pos>78584.235 457835.586 8.292</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78580.921 457839.408 8.242</gml:pos>
       <gml:pos>78585.614 457843.478 6.654</gml:pos>
       <gml:pos>78586.198 457843.984 6.548</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78586.198 457843.984 6.548</gml:pos>
       <gml:pos>78589.507 457840.157 7.23</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78584.235 457835.586 8.292</gml:pos>
       <gml:pos>78584.871 457836.137 8.077</gml:pos>
       <gml:pos>78589.507 457840.157 7.23</gml:pos>
      </gml:LineString>
     </gml:curveMember>
    </gml:MultiCurve>
   </bldg:lod2TerrainIntersection>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_1">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78584.235 457835.586 14.297</gml:pos>
           <gml:pos>78580.921 457839.408 14.297</gml:pos>
           <gml:pos>78580.921 457839.408 6.548</gml:pos>
           <gml:pos>78584.235 457835.586 6.548</gml:pos>
           <gml:pos>78584.235 457835.586 14.297</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_2">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78580.921 457839.408 14.297</gml:pos>
           <gml:pos>78586.198 457843.984 14.297</gml:pos>
           <gml:pos>78586.198 457843.984 6.548</gml:pos>
           <gml:pos>78580.921 457839.408 6.548</gml:pos>
           <gml:pos>78580.921 457839.408 14.297</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_3">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78586.198 457843.984 14.297</gml:pos>
           <gml:pos>78589.507 457840.157 14.297</gml:pos>
           <gml:pos>78589.507 457840.157 6.548</gml:pos>
           <gml:pos>78586.198 457843.984 6.548</gml:pos>
           <gml:pos>78586.198 457843.984 14.297</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_4">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78589.507 457840.157 14.297</gml:pos>
           <gml:pos>78584.235 457835.586 14.297</gml:pos>
           <gml:pos>78584.235 457835.586 6.548</gml:pos>
           <gml:pos>78589.507 457840.157 6.548</gml:pos>
           <gml:pos>78589.507 457840.157 14.297</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:RoofSurface>
     <gen:doubleAttribute name="Slope"><gen:value>90</gen:value></gen:doubleAttribute>
     <gen:doubleAttribute name="Direction"><gen:value>0</gen:value></gen:doubleAttribute>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_5">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78589.507 457840.157 14.297</gml:pos>
           <gml:pos>78586.198 457843.984 14.297</gml:pos>
           <gml:pos>78580.921 457839.408 14.297</gml:pos>
           <gml:pos>78584.235 457835.586 14.297</gml:pos>
           <gml:pos>78589.507 457840.157 14.297</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:RoofSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:GroundSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_1_GroundSurface">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78584.235 457835.586 6.548</gml:pos>
           <gml:pos>78580.921 457839.408 6.548</gml:pos>
           <gml:pos>78586.198 457843.984 6.548</gml:pos>
           <gml:pos>78589.507 457840.157 6.548</gml:pos>
           <gml:pos>78584.235 457835.586 6.548</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:GroundSurface>
   </bldg:boundedBy>
  </bldg:BuildingPart>
   </bldg:consistsOfBuildingPart>
   <bldg:consistsOfBuildingPart>
  <bldg:BuildingPart gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2">
   <gml:name>{45431801-B670-468F-9FE1-FF771669317F}</gml:name>
   <gen:doubleAttribute name="RelativeEavesHeight"><gen:value>2.347</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteEavesHeight"><gen:value>8.697</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="RelativeRidgeHeight"><gen:value>2.347</gen:value></gen:doubleAttribute>
   <gen:doubleAttribute name="AbsoluteRidgeHeight"><gen:value>8.697</gen:value></gen:doubleAttribute>
   <app:appearance>
    <app:Appearance>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.922 0.922 0.922</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_1</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_2</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_3</app:target>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_4</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0 0</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_5</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
     <app:surfaceDataMember>
      <app:X3DMaterial>
       <app:ambientIntensity>0.2</app:ambientIntensity>
       <app:diffuseColor>0.502 0.502 0.502</app:diffuseColor>
       <app:target>#GUID_45431801-B670-468F-9FE1-FF771669317F_2_GroundSurface</app:target>
      </app:X3DMaterial>
     </app:surfaceDataMember>
    </app:Appearance>
   </app:appearance>
   <bldg:roofType>1000</bldg:roofType>
   <bldg:lod2Solid>
    <gml:Solid>
     <gml:exterior>
      <gml:CompositeSurface>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_1"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_2"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_3"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_4"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_5"/>
       <gml:surfaceMember xlink:href="#GUID_45431801-B670-468F-9FE1-FF771669317F_2_GroundSurface"/>
      </gml:CompositeSurface>
     </gml:exterior>
    </gml:Solid>
   </bldg:lod2Solid>
   <bldg:lod2TerrainIntersection>
    <gml:MultiCurve>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78586.198 457843.984 6.548</gml:pos>
       <gml:pos>78587.281 457844.923 6.35</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78587.281 457844.923 6.35</gml:pos>
       <gml:pos>78590.6 457841.104 7.031</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78589.507 457840.157 7.23</gml:pos>
       <gml:pos>78590.6 457841.104 7.031</gml:pos>
      </gml:LineString>
     </gml:curveMember>
     <gml:curveMember>
      <gml:LineString>
       <gml:pos>78586.198 457843.984 6.548</gml:pos>
       <gml:pos>78589.507 457840.157 7.23</gml:pos>
      </gml:LineString>
     </gml:curveMember>
    </gml:MultiCurve>
   </bldg:lod2TerrainIntersection>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_1">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78586.198 457843.984 8.697</gml:pos>
           <gml:pos>78587.281 457844.923 8.697</gml:pos>
           <gml:pos>78587.281 457844.923 6.35</gml:pos>
           <gml:pos>78586.198 457843.984 6.35</gml:pos>
           <gml:pos>78586.198 457843.984 8.697</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_2">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78587.281 457844.923 8.697</gml:pos>
           <gml:pos>78590.6 457841.104 8.697</gml:pos>
           <gml:pos>78590.6 457841.104 6.35</gml:pos>
           <gml:pos>78587.281 457844.923 6.35</gml:pos>
           <gml:pos>78587.281 457844.923 8.697</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_3">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78590.6 457841.104 8.697</gml:pos>
           <gml:pos>78589.507 457840.157 8.697</gml:pos>
           <gml:pos>78589.507 457840.157 6.35</gml:pos>
           <gml:pos>78590.6 457841.104 6.35</gml:pos>
           <gml:pos>78590.6 457841.104 8.697</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:WallSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_4">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78589.507 457840.157 8.697</gml:pos>
           <gml:pos>78586.198 457843.984 8.697</gml:pos>
           <gml:pos>78586.198 457843.984 6.35</gml:pos>
           <gml:pos>78589.507 457840.157 6.35</gml:pos>
           <gml:pos>78589.507 457840.157 8.697</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:WallSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:RoofSurface>
     <gen:doubleAttribute name="Slope"><gen:value>90</gen:value></gen:doubleAttribute>
     <gen:doubleAttribute name="Direction"><gen:value>0</gen:value></gen:doubleAttribute>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_5">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78589.507 457840.157 8.697</gml:pos>
           <gml:pos>78590.6 457841.104 8.697</gml:pos>
           <gml:pos>78587.281 457844.923 8.697</gml:pos>
           <gml:pos>78586.198 457843.984 8.697</gml:pos>
           <gml:pos>78589.507 457840.157 8.697</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:RoofSurface>
   </bldg:boundedBy>
   <bldg:boundedBy>
    <bldg:GroundSurface>
     <bldg:lod2MultiSurface>
      <gml:MultiSurface>
       <gml:surfaceMember>
        <gml:Polygon gml:id="GUID_45431801-B670-468F-9FE1-FF771669317F_2_GroundSurface">
         <gml:exterior>
          <gml:LinearRing>
           <gml:pos>78586.198 457843.984 6.35</gml:pos>
           <gml:pos>78587.281 457844.923 6.35</gml:pos>
           <gml:pos>78590.6 457841.104 6.35</gml:pos>
           <gml:pos>78589.507 457840.157 6.35</gml:pos>
           <gml:pos>78586.198 457843.984 6.35</gml:pos>
          </gml:LinearRing>
         </gml:exterior>
        </gml:Polygon>
       </gml:surfaceMember>
      </gml:MultiSurface>
     </bldg:lod2MultiSurface>
    </bldg:GroundSurface>
   </bldg:boundedBy>
  </bldg:BuildingPart>
   </bldg:consistsOfBuildingPart>
  </bldg:Building>
 </cityObjectMember>
</CityModel>
